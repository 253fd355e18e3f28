//! A git server on this machine: git's own backend over HTTP, with repositories that a test makes, and answers that no git gives.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { dirname, join } from "node:path";
import { own } from "../../scripts/setup/paths.mjs";

/** A file of a commit: its text or bytes, a script, or what a link leads to. */
export type File = string | Buffer | { script: string } | { link: string };

/** Answers a request instead of git. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const environment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  ...Object.fromEntries(["AUTHOR", "COMMITTER"].flatMap((who) => [[`GIT_${who}_NAME`, "Ada"], [`GIT_${who}_EMAIL`, "ada@example.com"]])),
};

/** One bare repository, to which commits are added. */
export class Repository {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(path, { recursive: true });
    this.git("init", "--quiet", "--bare", "--initial-branch=main");
    // As the large services have it: every commit may be asked for by its id.
    this.git("config", "uploadpack.allowAnySHA1InWant", "true");
  }

  /** Runs git here; answers with what it prints. */
  git(...args: string[]): string {
    return this.object(undefined, ...args);
  }

  /** The same with standard input. */
  object(input: string | Buffer | undefined, ...args: string[]): string {
    return execFileSync("git", ["-C", this.#path, ...args], { env: environment, encoding: "utf8", ...(input === undefined ? {} : { input }) }).trim();
  }

  /** Commits exactly these files to a branch, and answers with the commit's id. */
  commit(files: Record<string, File>, branch = "main"): string {
    const tree = mkdtempSync(join(own, "tmp", "commit-"));
    for (const [path, file] of Object.entries(files)) {
      const place = join(tree, path);
      mkdirSync(dirname(place), { recursive: true });
      if (typeof file === "string" || Buffer.isBuffer(file)) writeFileSync(place, file);
      else if ("link" in file) symlinkSync(file.link, place);
      else {
        writeFileSync(place, file.script);
        chmodSync(place, 0o755);
      }
    }
    const at = ["--work-tree", tree];
    this.git(...at, "add", "--all", "--force");
    const id = this.commitTree(this.git("write-tree"), branch);
    rmSync(tree, { recursive: true });
    return id;
  }

  /** Commits a tree to a branch. */
  commitTree(tree: string, branch = "main"): string {
    const id = this.git("commit-tree", "-m", "a commit", tree);
    this.git("update-ref", `refs/heads/${branch}`, id);
    return id;
  }

  /** Stores a tree with these entries, whether or not git would make it. */
  tree(entries: [mode: string, name: string | Buffer, id: string][]): string {
    const parts = entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(id, "hex")]);
    return this.object(Buffer.concat(parts), "hash-object", "-w", "-t", "tree", "--literally", "--stdin");
  }

  /** Stores the content of a file. */
  blob(content: string | Buffer): string {
    return this.object(content, "hash-object", "-w", "--stdin");
  }
}

export class GitServer {
  /** The requests so far: method and path. */
  readonly requests: string[] = [];
  readonly #root: string;
  readonly #server: Server;
  readonly #answers = new Map<string, Answer>();
  readonly #tokens = new Map<string, string>();
  readonly #sockets = new Set<Socket>();

  private constructor(root: string) {
    this.#root = root;
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method} ${request.url}`);
      const name = request.url?.split("/")[1] ?? "";
      const [answer, token] = [this.#answers.get(name), this.#tokens.get(name)];
      const sent = Buffer.from(request.headers.authorization?.replace("Basic ", "") ?? "", "base64").toString();
      if (answer) answer(request, response);
      else if (token !== undefined && sent !== `x-access-token:${token}`) response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      else this.#backend(request, response);
    });
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<GitServer> {
    mkdirSync(join(own, "tmp"), { recursive: true });
    const server = new GitServer(mkdtempSync(join(own, "tmp", "git-")));
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  /** Where it listens, as the runner is told to trust it. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The URL of a repository. */
  url(name: string): string {
    return `http://${this.host}/${name}`;
  }

  /** Makes a repository. */
  repository(name: string): Repository {
    return new Repository(join(this.#root, name));
  }

  /** Answers all requests for a repository, in place of git. */
  answer(name: string, answer: Answer): void {
    this.#answers.set(name, answer);
  }

  /** Lets only those read a repository who send this token as their password. */
  protect(name: string, token: string): void {
    this.#tokens.set(name, token);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** Has git's own backend answer, over CGI (RFC 3875). */
  #backend(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", "http://localhost");
    const header = (name: string) => String(request.headers[name] ?? "");
    const child = spawn("git", ["http-backend"], {
      env: {
        ...environment,
        GIT_PROJECT_ROOT: this.#root,
        GIT_HTTP_EXPORT_ALL: "1",
        REQUEST_METHOD: request.method,
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: header("content-type"),
        HTTP_CONTENT_ENCODING: header("content-encoding"),
        HTTP_GIT_PROTOCOL: header("git-protocol"),
        ...(request.headers["content-length"] === undefined ? {} : { CONTENT_LENGTH: header("content-length") }),
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    request.pipe(child.stdin);
    // The backend need not read all of a request.
    child.stdin.on("error", () => undefined);
    response.on("close", () => child.kill());
    let head = Buffer.alloc(0);
    const begin = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      child.stdout.off("data", begin);
      for (const line of head.subarray(0, end).toString().split("\r\n")) {
        const [name = "", value = ""] = line.split(": ");
        if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.write(head.subarray(end + 4));
      child.stdout.pipe(response);
    };
    child.stdout.on("data", begin);
  }
}
