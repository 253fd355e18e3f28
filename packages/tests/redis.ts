//! A real Redis server: the machine's own, or else that of Debian's package, unpacked into `.docle/`.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const unpacked = join(root, ".docle", "tools", "redis");

interface Program {
  path: string;
  env: NodeJS.ProcessEnv;
}

/** The server's program. @throws if the machine has none, and no apt to get it from. */
function program(): Program {
  try {
    return { path: execFileSync("sh", ["-c", "command -v redis-server"], { encoding: "utf8" }).trim(), env: {} };
  } catch {
    if (!existsSync(unpacked)) unpack();
  }
  const libraries = join(unpacked, "usr", "lib");
  const folders = readdirSync(libraries).filter((name) => name.endsWith("-linux-gnu"));
  // The server and the checker of its files are one program, which looks at the name that it is started by.
  return { path: join(unpacked, "usr", "bin", "redis-check-rdb"), env: { LD_LIBRARY_PATH: folders.map((name) => join(libraries, name)).join(":") } };
}

/** Gets Debian's package, and those that it needs and the machine lacks, without installing them. */
function unpack(): void {
  const folder = `${unpacked}.${process.pid}`;
  mkdirSync(join(folder, "partial"), { recursive: true });
  const settings = ["Debug::NoLocking=1", `Dir::Cache::archives=${folder}`].flatMap((setting) => ["-o", setting]);
  execFileSync("apt-get", [...settings, "install", "--download-only", "--no-install-recommends", "-y", "-qq", "redis-tools"], { stdio: ["ignore", "ignore", "inherit"] });
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".deb"))) {
    execFileSync("dpkg-deb", ["-x", name, "."], { cwd: folder });
    rmSync(join(folder, name));
  }
  renameSync(folder, unpacked);
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A server that keeps nothing on disk. */
export class RedisServer {
  readonly port: number;
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort());
    await server.start();
    return server;
  }

  /** Starts it, again on the same port, and waits until it takes connections. */
  async start(): Promise<void> {
    const { path, env } = program();
    const args = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    const child = spawn(path, args, { argv0: "redis-server", env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      let log = "";
      child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}:\n${log}`)));
      child.once("error", reject);
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("Ready to accept connections")) resolve();
      });
    });
  }

  /** Ends it without warning. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}
