//! The errors of calls. A program that fails is no error: its result says so.

import type { FieldError, Problem } from "./generated/api.ts";

/** The service refused a call, or could not answer it. */
export class DocleError extends Error {
  override readonly name = "DocleError";
  /** The status of the response. */
  readonly status: number;
  /** What to act on; `GET /docs/errors` of the service lists the codes. */
  readonly code: string;
  /** Find the call in the service's log with it. */
  readonly requestId: string | undefined;
  /** The fields of the request that are wrong. */
  readonly fields: FieldError[];
  /** After how many milliseconds the call may be repeated, if the service says so. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, problem: Partial<Problem>, headers: Headers) {
    super(problem.message ?? `The service answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.requestId = problem.requestId ?? headers.get("x-request-id") ?? undefined;
    this.fields = problem.errors ?? [];
    const seconds = Number(headers.get("retry-after") ?? Number.NaN);
    this.retryAfterMs = Number.isNaN(seconds) ? undefined : seconds * 1_000;
  }
}

/** The service could not be reached, or the connection broke. `cause` says how. */
export class DocleConnectionError extends Error {
  override readonly name = "DocleConnectionError";

  constructor(cause: unknown) {
    super("The connection to the service failed.", { cause });
  }
}

/** The call took longer than its `timeoutMs`. */
export class DocleTimeoutError extends Error {
  override readonly name = "DocleTimeoutError";

  constructor(timeoutMs: number) {
    super(`The call took longer than ${timeoutMs} ms.`);
  }
}
