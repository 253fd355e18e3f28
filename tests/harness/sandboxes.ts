//! Persistent sandboxes of a runner, as the Worker's object asks for them.

import { randomBytes } from "node:crypto";
import assert from "node:assert/strict";
import { PROTOCOL } from "./jobs.ts";
import type { AnyRunner } from "./runner.ts";

/** What a new sandbox is like. */
export interface Spec {
  env: Record<string, string>;
  memoryMB: number;
  diskMB: number;
  network: { mode: "none" } | { mode: "public" } | { mode: "hosts"; hosts: string[] };
}

/** How a command ended. */
export interface ExecReport {
  end: "exited" | "timeout" | "memory" | "killed" | "system";
  exitCode: number;
  signal?: string;
  durationMs: number;
  cpuMs: number;
  memMB: number;
  stdoutTruncated: boolean;
  stderrTruncated: boolean;
  session?: { restarted: boolean; ended: boolean };
}

/** A command that has ended, with its output as bytes. */
export interface Executed extends ExecReport {
  pid: number;
  out: Buffer;
  err: Buffer;
}

export interface State {
  processes: number;
  memMB: number;
  diskBytes: number;
  revision: number;
}

/** The body of a request. */
export type Content = string | Uint8Array<ArrayBuffer> | ReadableStream;

/** A line for a shell, or a program and its arguments. */
export type Command = string | string[];

export interface ExecOptions {
  id?: string;
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
  timeoutMs?: number;
  maxOutputBytes?: number;
  session?: { id: string; cwd: string; env: Record<string, string>; isUsed: boolean };
  signal?: AbortSignal;
}

/** One line of the stream of a command. */
export type ExecEvent =
  | { type: "start"; pid: number }
  | { type: "stdout" | "stderr"; data: string }
  | { type: "complete"; report: ExecReport };

export interface FileEntry {
  path: string;
  path64?: string;
  kind: "file" | "directory" | "symlink" | "other";
  size: number;
  mode: number;
  modifiedMs: number;
  target?: string;
}

/** The answer to an operation on files: the entry or entries, or an error with its code. */
export interface Worked {
  type?: "entry" | "entries" | "deleted";
  entry?: FileEntry;
  entries?: FileEntry[];
  more?: boolean;
  code?: string;
  message?: string;
}

/** An id that no other sandbox has. */
export const newId = () => `sbx_${[...randomBytes(26)].map((byte) => "abcdefghijklmnopqrstuvwxyz234567"[byte % 32]).join("")}`;

const DEFAULTS: Spec = { env: {}, memoryMB: 256, diskMB: 64, network: { mode: "none" } };

/** A sandbox of a runner. */
export class RunnerSandbox {
  readonly runner: AnyRunner;
  readonly id: string;

  private constructor(runner: AnyRunner, id: string) {
    this.runner = runner;
    this.id = id;
  }

  /** Makes a sandbox, or finds the one that has the id. */
  static async create(runner: AnyRunner, spec: Partial<Spec> = {}, id = newId()): Promise<RunnerSandbox> {
    const sandbox = new RunnerSandbox(runner, id);
    const response = await sandbox.create(spec);
    assert([200, 201].includes(response.status), `${response.status} ${await response.clone().text()}`);
    return sandbox;
  }

  request(method: string, path = "", body?: Content, more: RequestInit & { duplex?: "half" } = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.runner.secret}`, "docle-protocol": PROTOCOL, ...more.headers };
    return fetch(`${this.runner.url}/v1/sandboxes/${this.id}${path}`, { ...more, method, headers, ...(body === undefined ? {} : { body }) });
  }

  create(spec: Partial<Spec> = {}): Promise<Response> {
    return this.request("PUT", "", JSON.stringify({ ...DEFAULTS, ...spec }));
  }

  async state(): Promise<State> {
    const response = await this.request("GET");
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as State;
  }

  async delete(): Promise<void> {
    assert.equal((await this.request("DELETE")).status, 204);
  }

  /** Starts a command; the response is its stream or a refusal. */
  start(command: Command, options: ExecOptions = {}): Promise<Response> {
    const { signal, ...rest } = options;
    const job = {
      id: `e${randomBytes(8).toString("hex")}`,
      command: typeof command === "string" ? { shell: command } : { argv: command },
      cwd: "/workspace",
      env: {},
      stdin: "",
      timeoutMs: 20_000,
      maxOutputBytes: 16 << 20,
      ...rest,
    };
    return this.request("POST", "/exec", JSON.stringify(job), signal ? { signal } : {});
  }

  /** The events of a command. */
  async *events(command: Command, options: ExecOptions = {}): AsyncGenerator<ExecEvent> {
    const response = await this.start(command, options);
    assert.equal(response.status, 200, await (response.status === 200 ? "" : response.clone().text()));
    assert(response.body);
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as ExecEvent;
    }
    assert.equal(rest, "", "the stream ends with a whole line");
  }

  /** Executes a command to its end. */
  async exec(command: Command, options: ExecOptions = {}): Promise<Executed> {
    const output: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    let pid = 0;
    for await (const event of this.events(command, options)) {
      if (event.type === "start") pid = event.pid;
      else if (event.type === "complete") return { ...event.report, pid, out: Buffer.concat(output.stdout), err: Buffer.concat(output.stderr) };
      else output[event.type].push(Buffer.from(event.data, "base64"));
    }
    throw new Error("the stream ends without a report");
  }

  /** Executes a command that must succeed, and returns what it wrote. */
  async sh(command: Command, options: ExecOptions = {}): Promise<string> {
    const done = await this.exec(command, options);
    assert.equal(done.exitCode, 0, `${JSON.stringify(done.end)} ${done.err.toString()}`);
    return done.out.toString();
  }

  /** Does one operation on files; `paths` in bytes stand in the place of those among the fields. */
  async file(op: string, fields: Record<string, unknown>, paths: Record<string, Buffer> = {}): Promise<Worked> {
    const query = Object.entries(paths).map(([name, path]) => `${name}=${encoded(path)}`).join("&");
    const response = await this.request("POST", `/files?${query}`, JSON.stringify({ op, ...fields }));
    assert([200, 422].includes(response.status), `${response.status} ${await response.clone().text()}`);
    return (await response.json()) as Worked;
  }

  read(path: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
    return this.request("GET", `/content?path=${encoded(path)}`, undefined, { headers });
  }

  write(path: string | Buffer, content: Content): Promise<Response> {
    return this.request("PUT", `/content?path=${encoded(path)}`, content, { duplex: "half" });
  }
}

/** Every byte of a path, URL-encoded. */
const encoded = (path: string | Buffer) => [...Buffer.from(path)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
