//! Calls of the service that are none of the SDK's: signing in, and what a management token may do.

import { Failure } from "./failure.ts";

/** An error of the service: its code, its HTTP status, and a message for people. */
export class ServiceError extends Failure {
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Calls the service; answers with the JSON of the response, or with nothing if it has none. */
export async function call<T>(baseUrl: string, method: string, path: string, options: { token?: string; body?: object } = {}): Promise<T> {
  const response = await fetch(baseUrl + path, {
    method,
    headers: { ...(options.token ? { authorization: `Bearer ${options.token}` } : {}), ...(options.body ? { "content-type": "application/json" } : {}) },
    ...(options.body ? { body: JSON.stringify(options.body) } : {}),
  });
  const text = await response.text();
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
  throw problemOf(response.status, text);
}

/** The error of a response. What is no error of the service comes from a proxy before it. */
export function problemOf(status: number, text: string): ServiceError {
  try {
    const { code, message } = JSON.parse(text) as { code?: unknown; message?: unknown };
    if (typeof code === "string" && typeof message === "string") return new ServiceError(code, status, message);
  } catch {
    // It is no JSON.
  }
  return new ServiceError("", status, `The service answered with HTTP ${status}.`);
}
