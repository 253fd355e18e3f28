//! One call of the service: time-out, retries, and errors.

import { DocleConnectionError, DocleError, DocleTimeoutError } from "./errors.ts";
import type { Problem } from "./generated/api.ts";

/** Where calls go, and with what. */
export interface Connection {
  apiKey: string | undefined;
  baseUrl: string;
  fetch: typeof fetch;
  retries: number;
  timeoutMs: number | undefined;
}

/** Settings of one call. */
export interface CallOptions {
  /** Ends the call. */
  signal?: AbortSignal;
  /** How long the call may take in all, in milliseconds; without it as long as the service needs. */
  timeoutMs?: number;
  /** How often the call is repeated if nothing came of it; 2. */
  retries?: number;
  /** Tells the service that a call is the repetition of another one. The client makes one for each run. */
  idempotencyKey?: string;
}

/** A call of the service. */
export interface Call extends CallOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  bytes?: string | Uint8Array | ReadableStream<Uint8Array> | Blob;
  accept?: string;
}

/** A promise of the value of a response, and with `withResponse` of the response, too. */
export interface ResponsePromise<T> extends Promise<T> {
  withResponse(): Promise<{ data: T; response: Response }>;
}

/** The longest pause that a server may ask for before the call fails instead. */
const MAX_PAUSE_MS = 30_000;
/** The call may be repeated after these if it changes nothing, or has an idempotency key. */
const PASSING = [429, 502, 503];
/** Nothing was done where the service says so with one of these codes, so every call may be repeated. */
const NOTHING_DONE = ["rate_limit_exceeded", "too_many_requests", "queue_full", "runner_busy", "runner_unavailable", "runner_mismatch", "sandbox_unavailable", "isolates_unavailable"];

/** Calls the service; the response is a success. The call is repeated only if nothing can have come of it. */
export async function send(connection: Connection, path: string, call: Call, signal: AbortSignal | undefined): Promise<Response> {
  const retries = call.retries ?? connection.retries;
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await attemptOnce(connection, path, call, signal);
    if (outcome instanceof Response) return outcome;
    const pause = attempt < retries ? pauseAfter(outcome, call, attempt) : undefined;
    if (pause === undefined) throw outcome;
    await sleep(pause, signal);
  }
}

/** The same, with the JSON of the response. */
export function sendForJson<T>(connection: Connection, path: string, call: Call): ResponsePromise<T> {
  const { signal, release } = limited(connection, call);
  const both = send(connection, path, call, signal)
    .then(async (response) => ({ data: (await readJson(response, signal)) as T, response }))
    .finally(release);
  const data = both.then(({ data }) => data) as ResponsePromise<T>;
  data.withResponse = () => both;
  return data;
}

async function attemptOnce(connection: Connection, path: string, call: Call, signal: AbortSignal | undefined): Promise<Response | DocleError | DocleConnectionError> {
  const headers: Record<string, string> = { accept: call.accept ?? "application/json" };
  if (connection.apiKey !== undefined) headers.authorization = `Bearer ${connection.apiKey}`;
  if (call.idempotencyKey !== undefined) headers["idempotency-key"] = call.idempotencyKey;
  const init: RequestInit = { method: call.method ?? "GET", headers };
  if (signal !== undefined) init.signal = signal;
  if (call.body !== undefined) {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(call.body);
  }
  if (call.bytes !== undefined) {
    headers["content-type"] = "application/octet-stream";
    init.body = call.bytes as BodyInit;
    // Node takes a stream only with this, which the types of the platform lack.
    if (call.bytes instanceof ReadableStream) Object.assign(init, { duplex: "half" });
  }
  try {
    const response = await connection.fetch(new URL(path, connection.baseUrl).href, init);
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
    return new DocleError(response.status, problem, response.headers);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    return new DocleConnectionError(error);
  }
}

/** How long to wait before the call is repeated; `undefined` if it must not be. */
function pauseAfter(outcome: DocleError | DocleConnectionError, call: Call, attempt: number): number | undefined {
  const ownPause = Math.min(8_000, 250 * 2 ** attempt) * (0.5 + Math.random() / 2);
  // A stream comes once.
  const isSafe = (call.method !== "POST" || call.idempotencyKey !== undefined) && !(call.bytes instanceof ReadableStream);
  if (outcome instanceof DocleConnectionError) return isSafe ? ownPause : undefined;
  if (!(isSafe ? PASSING.includes(outcome.status) : NOTHING_DONE.includes(outcome.code))) return undefined;
  const asked = outcome.retryAfterMs ?? 0;
  return asked > MAX_PAUSE_MS ? undefined : Math.max(asked, ownPause);
}

async function readJson(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  if (response.status === 204) return undefined;
  try {
    return await response.json();
  } catch (error) {
    throw signal?.aborted ? signal.reason : new DocleConnectionError(error);
  }
}

/** The signal of the caller, which also fires when the time of the call is over. */
export function limited(connection: Connection, { signal, timeoutMs = connection.timeoutMs }: CallOptions): { signal: AbortSignal | undefined; release: () => void } {
  if (timeoutMs === undefined) return { signal, release: () => undefined };
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DocleTimeoutError(timeoutMs)), timeoutMs);
  const pass = () => controller.abort(signal?.reason);
  if (signal?.aborted) pass();
  signal?.addEventListener("abort", pass);
  return {
    signal: controller.signal,
    release() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", pass);
    },
  };
}

/** Resolves after so many milliseconds; rejects when the signal fires before. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
