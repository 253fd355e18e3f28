//! One function that runs a program, and one that gives its output as it is written.

import { sendForJson, type CallOptions, type Connection, type ResponsePromise } from "./call.ts";
import { connect, type DocleOptions } from "./connection.ts";
import type { RunRequest, RunResult } from "./generated/api.ts";
import { RUNS, stream, type RunStreamEvent } from "./stream.ts";

/** A program beside its code, and how it is run. */
export interface RunSandboxOptions extends Omit<RunRequest, "code">, CallOptions, Pick<DocleOptions, "apiKey" | "fetch"> {
  /** The address of the service, or of a route of your own that passes the body on. */
  endpoint?: string;
}

/**
 * Runs a program, and resolves with its result when it has ended. A program that fails is a result, too.
 *
 * @throws DocleError if the service refuses the run.
 * @throws DocleConnectionError if the service cannot be reached.
 */
export function runSandbox(code: string, options: RunSandboxOptions): ResponsePromise<RunResult> {
  const { connection, path, body, call } = callOf(code, options);
  return sendForJson(connection, path, { method: "POST", body, ...call });
}

/**
 * Runs a program, and gives its output as it is written. A route of one's own that answers with a result, not with events,
 * gives the output at the end.
 *
 * @throws DocleError if the service refuses the run.
 * @throws DocleConnectionError if the service cannot be reached, or the connection broke too often.
 */
export function streamSandbox(code: string, options: RunSandboxOptions): AsyncGenerator<RunStreamEvent, void, undefined> {
  const { connection, path, body, call } = callOf(code, options);
  return stream(connection, path, body, call);
}

/** The call that these options ask for. */
function callOf(code: string, options: RunSandboxOptions): { connection: Connection; path: string; body: object; call: CallOptions } {
  const { endpoint, apiKey, fetch, signal, timeoutMs, retries, idempotencyKey, ...program } = options;
  const connection = connect(defined({ baseUrl: endpoint === undefined ? undefined : absolute(endpoint), apiKey, fetch }));
  // With files or a repository, code is one of the files, and none if it is empty.
  const body = code === "" && (program.files?.length || program.repo) ? program : { code, ...program };
  const path = pathOf(connection.baseUrl);
  // A route of one's own may not pass the key on, and a call that is repeated would then run again.
  const ownKey = path === RUNS ? crypto.randomUUID() : undefined;
  return { connection, path, body, call: defined({ idempotencyKey: idempotencyKey ?? ownKey, signal, timeoutMs, retries }) };
}

/** Within a page, a path is one of the page's own service. */
function absolute(endpoint: string): string {
  const page = (globalThis as { location?: { href?: string } }).location?.href;
  return page === undefined ? endpoint : new URL(endpoint, page).href;
}

/** The path to call: that of the address, if it has one. */
function pathOf(address: string): string {
  const { pathname, search } = new URL(address);
  return pathname === "/" ? RUNS : pathname + search;
}

/** The fields that are there: an option that is `undefined` is none. */
export function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
