//! Contexts of a sandbox of a runner, as the Worker's object asks for them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { ExecReport, RunnerSandbox } from "./sandboxes.ts";

export interface ContextState {
  id: string;
  language: string;
  cwd: string;
  isRunning: boolean;
  cells: number;
  startMs: number;
}

export interface CellReport extends ExecReport {
  count: number;
  contextLost: boolean;
  resultsTruncated: boolean;
}

/** One line of the stream of a cell. */
export type CellEvent =
  | { type: "start"; startMs?: number }
  | { type: "stdout" | "stderr"; data: string }
  | { type: "result"; data: Record<string, unknown>; isMain: boolean }
  | { type: "error"; error: { name: string; message: string; traceback: string[] } }
  | { type: "complete"; report: CellReport };

/** A cell that has ended. */
export interface Cell extends CellReport {
  out: string;
  err: string;
  /** The texts of its results. */
  texts: unknown[];
  results: Record<string, unknown>[];
  /** How many of them are the value of the last expression. */
  mains: number;
  error?: { name: string; message: string; traceback: string[] };
  /** Everything in its order: `out:a`, `err:b`, `result:1`, `error:E`. */
  order: string[];
}

export interface CellOptions {
  id?: string;
  env?: Record<string, string>;
  timeoutMs?: number;
  maxOutputBytes?: number;
  signal?: AbortSignal;
}

/** A context of a sandbox. */
export class RunnerContext {
  readonly sandbox: RunnerSandbox;
  readonly id: string;
  state: ContextState;

  private constructor(sandbox: RunnerSandbox, state: ContextState) {
    this.sandbox = sandbox;
    this.id = state.id;
    this.state = state;
  }

  static async create(sandbox: RunnerSandbox, language = "python", more: { id?: string; cwd?: string; env?: Record<string, string> } = {}): Promise<RunnerContext> {
    const { id = `c${randomBytes(6).toString("hex")}`, ...rest } = more;
    const response = await sandbox.request("PUT", `/contexts/${id}`, JSON.stringify({ language, cwd: "", env: {}, ...rest }));
    const text = await response.text();
    assert.ok([200, 201].includes(response.status), `${response.status} ${text}`);
    return new RunnerContext(sandbox, JSON.parse(text) as ContextState);
  }

  request(method: string, rest = "", body?: string, more: RequestInit = {}): Promise<Response> {
    return this.sandbox.request(method, `/contexts/${this.id}${rest}`, body, more);
  }

  start(code: string, { signal, ...more }: CellOptions = {}): Promise<Response> {
    const job = { id: `e${randomBytes(8).toString("hex")}`, code, env: {}, timeoutMs: 20_000, maxOutputBytes: 16 << 20, ...more };
    return this.request("POST", "/cells", JSON.stringify(job), signal ? { signal } : {});
  }

  events(code: string, options: CellOptions = {}): AsyncGenerator<CellEvent> {
    return RunnerContext.#eventsOf(this.start(code, options));
  }

  static async *#eventsOf(started: Promise<Response>): AsyncGenerator<CellEvent> {
    const response = await started;
    assert.equal(response.status, 200, response.status === 200 ? "" : await response.clone().text());
    let rest = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as CellEvent;
    }
    assert.equal(rest, "", "the stream ends with a whole line");
  }

  /** Runs a cell to its end. */
  run(code: string, options: CellOptions = {}): Promise<Cell> {
    return RunnerContext.#collected(this.events(code, options));
  }

  /** The cell of a response, when it has ended. */
  static collect(response: Response): Promise<Cell> {
    return RunnerContext.#collected(RunnerContext.#eventsOf(Promise.resolve(response)));
  }

  static async #collected(events: AsyncGenerator<CellEvent>): Promise<Cell> {
    const output: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    const results: Record<string, unknown>[] = [];
    const order: string[] = [];
    let error: Cell["error"];
    let mains = 0;
    for await (const event of events) {
      if (event.type === "stdout" || event.type === "stderr") {
        const bytes = Buffer.from(event.data, "base64");
        output[event.type].push(bytes);
        const kind = event.type.slice(3);
        const last = order.at(-1);
        if (last?.startsWith(`${kind}:`)) order[order.length - 1] = last + bytes.toString();
        else order.push(`${kind}:${bytes}`);
      } else if (event.type === "result") {
        results.push(event.data);
        mains += Number(event.isMain);
        order.push(`result:${event.data["text/plain"]}`);
      } else if (event.type === "error") {
        ({ error } = event);
        order.push(`error:${error.name}`);
      } else if (event.type === "complete") {
        const text = (stream: Buffer[]) => Buffer.concat(stream).toString();
        const texts = results.map((data) => data["text/plain"]);
        return { ...event.report, out: text(output.stdout), err: text(output.stderr), texts, results, mains, order, ...(error ? { error } : {}) };
      }
    }
    throw new Error("no complete event");
  }

  restart(): Promise<Response> {
    return this.request("POST", "/restart");
  }

  interrupt(): Promise<Response> {
    return this.request("POST", "/interrupt");
  }

  async delete(): Promise<void> {
    assert.equal((await this.request("DELETE")).status, 204);
  }
}
