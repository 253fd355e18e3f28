//! Processes in the background of a sandbox, and its sessions.

import { limited, send, sendForJson, sleep, type CallOptions, type Connection } from "./call.ts";
import { DocleConnectionError } from "./errors.ts";
import type * as api from "./generated/api.ts";
import { dataOf } from "./stream.ts";

/** A process to start: a line for `bash -c`, or more about it. */
export type ProcessCommand = string | api.ProcessStart;

/** What a process writes, and its end. */
export type ProcessEvent = Exclude<api.ProcessLogEvent, { type: "error" }>;

/** The processes of a sandbox. `process` is an id or a process id. */
export interface SandboxProcesses {
  /** Starts a process, which goes on without this client. */
  start(command: ProcessCommand, options?: CallOptions): Promise<api.Process>;
  list(filter?: { status?: api.ProcessStatus }, options?: CallOptions): Promise<api.Process[]>;
  get(process: string | number, options?: CallOptions): Promise<api.Process>;
  /** The output that is kept, after a position. */
  logs(process: string | number, settings?: { after?: number }, options?: CallOptions): Promise<api.ProcessLogs>;
  /** The output that is kept and what comes, until the process ends. A connection that breaks is taken up where it was. */
  follow(process: string | number, settings?: { after?: number }, options?: CallOptions): AsyncGenerator<ProcessEvent, void, undefined>;
  /** Writes to standard input. */
  write(process: string | number, data: string, settings?: { close?: boolean }, options?: CallOptions): Promise<api.Process>;
  /** Sends a signal, such as `"SIGINT"`, to the process group. */
  signal(process: string | number, signal: string, options?: CallOptions): Promise<api.Process>;
  /** Waits for a line of output, a port, or the end. */
  wait(process: string | number, condition?: api.ProcessWait, options?: CallOptions): Promise<api.WaitResult>;
  /** Ends a process and everything that it has started. */
  kill(process: string | number, settings?: { forget?: boolean }, options?: CallOptions): Promise<api.Process>;
  killAll(options?: CallOptions): Promise<api.Process[]>;
}

/** The sessions of a sandbox: `exec({ session, command })` uses one. */
export interface SandboxSessions {
  create(settings?: api.SessionSettings, options?: CallOptions): Promise<api.SandboxSession>;
  list(options?: CallOptions): Promise<api.SandboxSession[]>;
  /** Ends its shell with everything that it has started. */
  delete(session: string, options?: CallOptions): Promise<void>;
}

/** Before a stream that broke is taken up again, in milliseconds. */
const PAUSE_MS = 500;

export function processesOf(connection: Connection, sandbox: string): SandboxProcesses {
  const all = `${sandbox}/processes`;
  const at = (process: string | number, rest = "") => `${all}/${encodeURIComponent(`${process}`)}${rest}`;
  const post = <T>(path: string, body: unknown, options: CallOptions = {}) => sendForJson<T>(connection, path, { method: "POST", body, ...options });
  const list = async (call: Promise<api.ProcessList>) => (await call).processes;
  return {
    start: (command, options) => post(all, typeof command === "string" ? { command } : command, options),
    list: ({ status } = {}, options = {}) => list(sendForJson(connection, status === undefined ? all : `${all}?status=${status}`, options)),
    get: (process, options = {}) => sendForJson(connection, at(process), options),
    logs: (process, { after = 0 } = {}, options = {}) => sendForJson(connection, at(process, `/logs?after=${after}`), options),
    follow: (process, { after = 0 } = {}, options = {}) => follow(connection, at(process, "/logs"), after, options),
    write: (process, data, settings = {}, options) => post(at(process, "/stdin"), { data, ...settings }, options),
    signal: (process, signal, options) => post(at(process, "/signal"), { signal }, options),
    wait: (process, condition = {}, options) => post(at(process, "/wait"), condition, options),
    kill: (process, { forget = false } = {}, options = {}) => sendForJson(connection, at(process, `?forget=${forget}`), { method: "DELETE", ...options }),
    killAll: (options = {}) => list(sendForJson(connection, all, { method: "DELETE", ...options })),
  };
}

export function sessionsOf(connection: Connection, sandbox: string): SandboxSessions {
  const all = `${sandbox}/sessions`;
  return {
    create: (settings = {}, options = {}) => sendForJson(connection, all, { method: "POST", body: settings, ...options }),
    list: async (options = {}) => (await sendForJson<api.SessionList>(connection, all, options)).sessions,
    delete: (session, options = {}) => sendForJson<void>(connection, `${all}/${encodeURIComponent(session)}`, { method: "DELETE", ...options }),
  };
}

async function* follow(connection: Connection, path: string, after: number, options: CallOptions): AsyncGenerator<ProcessEvent, void, undefined> {
  const { signal, release } = limited(connection, options);
  let position = after;
  let left = options.retries ?? connection.retries;
  try {
    for (;;) {
      try {
        const response = await send(connection, `${path}?after=${position}`, { accept: "text/event-stream", ...options }, signal);
        let id = position;
        for await (const event of dataOf<api.ProcessLogEvent>(response, (text) => (id = Number.parseInt(text, 10)))) {
          if (event.type === "error") throw new DocleConnectionError(new Error(event.message));
          position = id;
          left = options.retries ?? connection.retries;
          yield event;
          if (event.type === "exit") return;
        }
        throw new DocleConnectionError(new Error("The stream ended before the process did."));
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (!(error instanceof DocleConnectionError) || left <= 0) throw error;
        left -= 1;
        await sleep(PAUSE_MS, signal);
      }
    }
  } finally {
    release();
  }
}
