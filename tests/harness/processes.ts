//! Processes in the background of a sandbox of a runner, as the Worker's object asks for them.

import { randomBytes } from "node:crypto";
import assert from "node:assert/strict";
import type { Command, ExecReport, RunnerSandbox } from "./sandboxes.ts";

/** One process. */
export interface ProcessState {
  id: string;
  name?: string;
  pid: number;
  cwd: string;
  stdin: boolean;
  logBytes: number;
  droppedBytes: number;
  ended?: Pick<ExecReport, "end" | "exitCode" | "signal" | "cpuMs" | "memMB">;
}

export interface ProcessOptions {
  id?: string;
  name?: string;
  cwd?: string;
  env?: Record<string, string>;
  stdin?: boolean;
  timeoutMs?: number;
}

export type Condition = { for: "exit" } | { for: "log"; pattern: string; regex: boolean } | { for: "port"; port: number };

/** What came of waiting. */
export interface Waited {
  outcome: "line" | "listening" | "exited" | "timeout";
  line?: string;
  groups?: (string | null)[];
}

export type ProcessEvent =
  | { type: "stdout" | "stderr"; position: number; atMs: number; data: string }
  | { type: "dropped"; position: number; bytes: number }
  | { type: "end"; position: number; process: ProcessState }
  | { type: "waited"; result: Waited; process: ProcessState };

/** What a reader of a log has got. */
export interface Log {
  out: Buffer;
  err: Buffer;
  dropped: number;
  position: number;
  process: ProcessState;
}

/** The processes of a sandbox. */
export class RunnerProcesses {
  readonly sandbox: RunnerSandbox;

  constructor(sandbox: RunnerSandbox) {
    this.sandbox = sandbox;
  }

  request(op: string, fields: Record<string, unknown> = {}): Promise<Response> {
    return this.sandbox.request("POST", "/processes", JSON.stringify({ op, ...fields }));
  }

  /** The code of what is refused. */
  async refused(op: string, fields: Record<string, unknown> = {}): Promise<string> {
    const response = await this.request(op, fields);
    assert.equal(response.status, 422, await response.clone().text());
    return ((await response.json()) as { code: string }).code;
  }

  async #process(op: string, fields: Record<string, unknown>): Promise<ProcessState> {
    const response = await this.request(op, fields);
    assert.equal(response.status, 200, await response.clone().text());
    return ((await response.json()) as { process: ProcessState }).process;
  }

  start(command: Command, { id, ...options }: ProcessOptions = {}): Promise<ProcessState> {
    return this.#process("start", { job: jobOf(command, { ...options, ...(id === undefined ? {} : { id }) }) });
  }

  get(process: string): Promise<ProcessState> {
    return this.#process("get", { process });
  }

  async list(op: "list" | "killAll" = "list"): Promise<ProcessState[]> {
    const response = await this.request(op);
    assert.equal(response.status, 200, await response.clone().text());
    return ((await response.json()) as { processes: ProcessState[] }).processes;
  }

  write(process: string, text: string, close = false): Promise<ProcessState> {
    return this.#process("stdin", { process, data: Buffer.from(text).toString("base64"), close });
  }

  signal(process: string, signal: number): Promise<ProcessState> {
    return this.#process("signal", { process, signal });
  }

  kill(process: string, forget = false): Promise<ProcessState> {
    return this.#process("kill", { process, forget });
  }

  async *watch(op: string, fields: Record<string, unknown>): AsyncGenerator<ProcessEvent> {
    const response = await this.sandbox.request("POST", "/processes/events", JSON.stringify({ op, ...fields }));
    assert.equal(response.status, 200, response.status === 200 ? "" : await response.clone().text());
    assert(response.body);
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as ProcessEvent;
    }
    assert.equal(rest, "", "the stream ends with a whole line");
  }

  /** The log of a process after a position, to its end or, without `follow`, as far as it is there. */
  async log(process: string, { after = 0, follow = true } = {}): Promise<Log> {
    const streams: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    let dropped = 0;
    for await (const event of this.watch("logs", { process, after, follow })) {
      if (event.type === "end") return { out: Buffer.concat(streams.stdout), err: Buffer.concat(streams.stderr), dropped, position: event.position, process: event.process };
      else if (event.type === "dropped") dropped += event.bytes;
      else if (event.type !== "waited") streams[event.type].push(Buffer.from(event.data, "base64"));
    }
    throw new Error("the log has no last event");
  }

  async wait(process: string, condition: Condition, timeoutMs = 20_000): Promise<Waited & { process: ProcessState }> {
    for await (const event of this.watch("wait", { process, condition, timeoutMs })) {
      assert.equal(event.type, "waited");
      if (event.type === "waited") return { ...event.result, process: event.process };
    }
    throw new Error("nothing came of waiting");
  }
}

function jobOf(command: Command, options: ProcessOptions) {
  const of = typeof command === "string" ? { shell: command } : { argv: command };
  return { id: `p${randomBytes(8).toString("hex")}`, command: of, cwd: "", env: {}, stdin: false, ...options };
}
