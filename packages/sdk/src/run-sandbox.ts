//! One function that runs a program.

import { sendForJson, type CallOptions, type ResponsePromise } from "./call.ts";
import { connect, type DocleOptions } from "./connection.ts";
import type { RunRequest, RunResult } from "./generated/api.ts";

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
  const { endpoint, apiKey, fetch, signal, timeoutMs, retries, idempotencyKey, ...program } = options;
  const connection = connect({ ...(endpoint === undefined ? {} : { baseUrl: absolute(endpoint) }), ...(apiKey === undefined ? {} : { apiKey }), ...(fetch === undefined ? {} : { fetch }) });
  // With files, code is one of them.
  const body = code === "" && program.files?.length ? program : { code, ...program };
  const path = pathOf(connection.baseUrl);
  // A route of one's own may not pass the key on, and a call that is repeated would then run again.
  const ownKey = path === RUNS ? crypto.randomUUID() : undefined;
  const call = { method: "POST" as const, body, ...defined({ idempotencyKey: idempotencyKey ?? ownKey, signal, timeoutMs, retries }) };
  return sendForJson(connection, path, call);
}

/** Within a page, a path is one of the page's own service. */
function absolute(endpoint: string): string {
  const page = (globalThis as { location?: { href?: string } }).location?.href;
  return page === undefined ? endpoint : new URL(endpoint, page).href;
}

/** The path of runs at the service. */
const RUNS = "/api/run";

/** The path to call: that of the address, if it has one. */
function pathOf(address: string): string {
  const { pathname, search } = new URL(address);
  return pathname === "/" ? RUNS : pathname + search;
}

/** The fields that are there: an option that is `undefined` is none. */
export function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
