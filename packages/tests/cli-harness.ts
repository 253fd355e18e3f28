//! The command of `@doclehq/cli`, from its tarball, as a process beside the real service.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Docle } from "../../tests/harness/docle.ts";
import { install } from "./packed.ts";

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  said: { stdout: string; stderr: string };
  ended: Promise<Ended>;
}

/** Follows what a process says. */
export function follow(child: ChildProcess): Started {
  const said = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  return { child, said, ended: once(child, "close").then(([code]) => ({ code: code as number | null, ...said })) };
}

/** Python that has a command at a terminal of 100 × 30 characters, types what it reads, and resizes the terminal at a signal. */
const TERMINAL = `
import fcntl, os, pty, select, signal, struct, sys, termios
pid, terminal = pty.fork()
def resize(cols, rows): fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGUSR1, lambda *_: resize(50, 20))
while True:
    for source in select.select([0, terminal], [], [])[0]:
        try: data = os.read(source, 65536)
        except OSError: data = b""
        if source == terminal and not data: sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.write(1 if source == terminal else terminal, data)
`;

export class Cli {
  readonly service: Docle;
  /** A folder for the files of the tests. */
  readonly folder = mkdtempSync(join(tmpdir(), "docle-cli-"));
  /** Where the command keeps its configuration. */
  readonly config = join(this.folder, "config");
  readonly env: NodeJS.ProcessEnv;
  /** The program of the command. */
  readonly main: string;
  readonly #installed: ReturnType<typeof install>[];

  private constructor(service: Docle, installed: ReturnType<typeof install>[], main: string) {
    this.service = service;
    this.#installed = installed;
    this.main = main;
    this.env = { ...process.env, DOCLE_API_KEY: service.worker.key, DOCLE_BASE_URL: service.worker.url, XDG_CONFIG_HOME: this.config };
  }

  static async start(): Promise<Cli> {
    const [sdk, cli] = [install("sdk"), install("cli")] as const;
    return new Cli(await Docle.start(), [sdk, cli], join(cli.package, "dist", "main.js"));
  }

  async stop(): Promise<void> {
    await this.service.stop();
    for (const one of this.#installed) one.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes files below a new folder; answers with it. */
  files(content: Record<string, string | Uint8Array>): string {
    const into = mkdtempSync(join(this.folder, "files-"));
    for (const [name, text] of Object.entries(content)) {
      mkdirSync(dirname(join(into, name)), { recursive: true });
      writeFileSync(join(into, name), text);
    }
    return into;
  }

  begin(args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv; stdin?: "pipe" | "ignore" | number } = {}): Started {
    return follow(spawn(process.execPath, [this.main, ...args], { cwd: options.cwd ?? this.folder, env: options.env ?? this.env, stdio: [options.stdin ?? "ignore", "pipe", "pipe"] }));
  }

  /** Runs a command to its end. */
  run(args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ended> {
    return this.begin(args, options).ended;
  }

  /** A command at a terminal of 100 × 30 characters, which SIGUSR1 makes 50 × 20. */
  atTerminal(args: string[], cwd = this.folder): Started {
    return follow(spawn("python3", ["-c", TERMINAL, process.execPath, this.main, ...args], { cwd, env: this.env, stdio: ["pipe", "pipe", "pipe"] }));
  }
}
