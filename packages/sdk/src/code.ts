//! The code interpreter of a sandbox: contexts, cells, and what they show.

import { limited, send, sendForJson, type Call, type CallOptions, type Connection } from "./call.ts";
import { DocleConnectionError } from "./errors.ts";
import type * as api from "./generated/api.ts";
import { dataOf } from "./stream.ts";

/** A format that a result may have. */
export type ResultFormat = "text" | "html" | "markdown" | "svg" | "png" | "jpeg" | "pdf" | "latex" | "javascript" | "json" | "chart";

const FORMATS: readonly ResultFormat[] = ["text", "html", "markdown", "svg", "png", "jpeg", "pdf", "latex", "javascript", "json", "chart"];

/** Something that a cell shows, in all the formats that it has. Images and PDF are base64. */
export class Result implements api.CodeResult {
  readonly main: boolean;
  readonly text?: string;
  readonly html?: string;
  readonly markdown?: string;
  readonly svg?: string;
  readonly png?: string;
  readonly jpeg?: string;
  readonly pdf?: string;
  readonly latex?: string;
  readonly javascript?: string;
  readonly json?: unknown;
  readonly chart?: unknown;
  /** Other MIME types. */
  readonly extra?: Record<string, unknown>;

  constructor(result: api.CodeResult) {
    this.main = result.main;
    Object.assign(this, result);
  }

  /** The formats that it has; other MIME types by their names. */
  formats(): string[] {
    return [...FORMATS.filter((format) => this[format] !== undefined), ...Object.keys(this.extra ?? {})];
  }
}

/** A cell that has ended. */
export interface Execution extends Omit<api.CodeExecution, "results"> {
  results: Result[];
  /** The text of the value of the last expression. */
  text?: string;
  /** What it has written, piece by piece. */
  logs: { stdout: string[]; stderr: string[] };
}

/** What a cell does: `start`, what it writes and shows as it comes, and `complete`. */
export type CodeEvent = api.CodeStreamEvent;

/** A piece of output. */
export interface CodeOutput {
  text: string;
  timestamp: string;
}

/** A context to make. */
export interface CodeContextSettings extends api.ContextSettings {
  /** The same as `env`. */
  envVars?: Record<string, string>;
}

/** Where a cell runs, and within which limits. */
export interface RunCodeSettings extends Omit<api.CodeRequest, "code"> {
  /** The context, or its id. Without one the default context of `language` runs the cell. */
  context?: string | Pick<api.CodeContext, "id">;
  /** The same as `env`. */
  envVars?: Record<string, string>;
}

/** What a cell has that runs on its own. */
export interface RunCellSettings extends Omit<api.CodeRunRequest, "code"> {
  /** The same as `env`. */
  envVars?: Record<string, string>;
}

/** Who is told while the cell runs. */
export interface CodeCallbacks {
  onStdout?: (output: CodeOutput) => unknown;
  onStderr?: (output: CodeOutput) => unknown;
  onResult?: (result: Result) => unknown;
  onError?: (error: api.CodeError) => unknown;
}

/** The interpreter of the sandbox at `path`; at `/api/v1` the one for cells on their own. */
export class CodeInterpreter {
  readonly #connection: Connection;
  readonly #path: string;

  constructor(connection: Connection, path: string) {
    this.#connection = connection;
    this.#path = path;
  }

  createContext({ envVars, ...settings }: CodeContextSettings = {}, options: CallOptions = {}): Promise<api.CodeContext> {
    const body = { ...settings, ...(envVars && { env: { ...settings.env, ...envVars } }) };
    return sendForJson(this.#connection, `${this.#path}/contexts`, { method: "POST", body, ...options });
  }

  async listContexts(options: CallOptions = {}): Promise<api.CodeContext[]> {
    return (await sendForJson<api.ContextList>(this.#connection, `${this.#path}/contexts`, options)).contexts;
  }

  deleteContext(context: string | Pick<api.CodeContext, "id">, options: CallOptions = {}): Promise<void> {
    return sendForJson(this.#connection, this.#of(context), { method: "DELETE", ...options });
  }

  restartContext(context: string | Pick<api.CodeContext, "id">, options: CallOptions = {}): Promise<api.CodeContext> {
    return sendForJson(this.#connection, `${this.#of(context)}/restart`, { method: "POST", ...options });
  }

  interruptContext(context: string | Pick<api.CodeContext, "id">, options: CallOptions = {}): Promise<void> {
    return sendForJson(this.#connection, `${this.#of(context)}/interrupt`, { method: "POST", ...options });
  }

  /** Runs a cell to its end. A cell that fails is an execution with an error. */
  async run(code: string, { onStdout, onStderr, onResult, onError, ...settings }: (RunCodeSettings | RunCellSettings) & CodeCallbacks = {}, options: CallOptions = {}): Promise<Execution> {
    if (!onStdout && !onStderr && !onResult && !onError) {
      const [path, body] = this.#cell(code, settings);
      const execution = await sendForJson<api.CodeExecution>(this.#connection, path, { method: "POST", body, ...options });
      const lines = (text: string) => (text === "" ? [] : [text]);
      return finished(execution, execution.results.map((result) => new Result(result)), { stdout: lines(execution.stdout), stderr: lines(execution.stderr) });
    }
    const results: Result[] = [];
    const logs: Execution["logs"] = { stdout: [], stderr: [] };
    let error: api.CodeError | null = null;
    for await (const event of this.stream(code, settings, options)) {
      if (event.type === "stdout" || event.type === "stderr") {
        logs[event.type].push(event.data);
        await (event.type === "stdout" ? onStdout : onStderr)?.({ text: event.data, timestamp: event.timestamp });
      } else if (event.type === "result") {
        const result = new Result(event.result);
        results.push(result);
        await onResult?.(result);
      } else if (event.type === "error") {
        ({ error } = event);
        await onError?.(error);
      } else if (event.type === "complete") {
        const { type: _, ...execution } = event;
        return finished({ ...execution, error, stdout: logs.stdout.join(""), stderr: logs.stderr.join("") }, results, logs);
      }
    }
    throw new DocleConnectionError(new Error("The stream ended before the cell did."));
  }

  /** Runs a cell, and gives what it writes and shows as it comes. Leaving the events interrupts the cell. */
  async *stream(code: string, settings: RunCodeSettings | RunCellSettings = {}, options: CallOptions = {}): AsyncGenerator<CodeEvent, void, undefined> {
    const { signal, release } = limited(this.#connection, options);
    const [path, body] = this.#cell(code, settings);
    const call: Call = { method: "POST", body, accept: "text/event-stream", ...options };
    try {
      for await (const event of dataOf<CodeEvent>(await send(this.#connection, path, call, signal))) {
        yield event;
        if (event.type === "complete") return;
      }
      throw new DocleConnectionError(new Error("The stream ended before the cell did."));
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      release();
    }
  }

  #of(context: string | Pick<api.CodeContext, "id">): string {
    return `${this.#path}/contexts/${encodeURIComponent(typeof context === "string" ? context : context.id)}`;
  }

  #cell(code: string, { context, language, envVars, ...settings }: RunCodeSettings & RunCellSettings): [path: string, body: api.CodeRequest | api.CodeRunRequest] {
    const body = { code, ...settings, ...(envVars && { env: { ...settings.env, ...envVars } }) };
    // A context has its language.
    if (context !== undefined) return [`${this.#of(context)}/run`, body];
    return [`${this.#path}/code`, language === undefined ? body : { ...body, language }];
  }
}

function finished(execution: api.CodeExecution, results: Result[], logs: Execution["logs"]): Execution {
  const text = results.findLast(({ main }) => main)?.text;
  return { ...execution, results, logs, ...(text === undefined ? {} : { text }) };
}
