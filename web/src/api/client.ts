//! Calls of the API with the session, and what people read when one fails.

import type { components } from "./generated.ts";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

/** Why a call did not succeed. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly fields: { field: string; message: string }[];
  /** Seconds after which the call may be made again. */
  readonly retryAfter: number | undefined;

  constructor(status: number, problem: Partial<Problem>, retryAfter: number | undefined) {
    super(problem.message ?? "The service cannot be reached.");
    this.status = status;
    this.code = problem.code ?? "unreachable";
    this.requestId = problem.requestId;
    this.fields = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }

  /** What is wrong with one field. */
  field(name: string): string | undefined {
    const found = this.fields.find(({ field }) => field === name || field.startsWith(`${name}[`));
    return found === undefined ? undefined : `${found.message.charAt(0).toUpperCase()}${found.message.slice(1)}`;
  }
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** How often a call that changes nothing is repeated. */
const REPEATS = 3;
const PASSING = [429, 502, 503, 504];

let signedOut = () => {};

/** Is called when the session has ended under a page. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

/** Tells the page that a call found the session ended. */
export const sessionEnded = () => signedOut();

/** Calls the API. A call that changes nothing is repeated if it got no answer. */
export async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await callOnce<T>(method, path, body);
    } catch (error) {
      const passes = error instanceof ApiError && (error.status === 0 || PASSING.includes(error.status));
      if (method !== "GET" || !passes || attempt >= REPEATS) throw error;
      const own = Math.min(8_000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2);
      await new Promise((resolve) => setTimeout(resolve, Math.max(own, (error.retryAfter ?? 0) * 1_000)));
    }
  }
}

/** Loads a whole list, page by page; `items` takes them out of a page. */
export async function callAll<P extends { next_cursor: string | null }, T>(path: string, items: (page: P) => T[]): Promise<T[]> {
  const all: T[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: P = await call<P>("GET", `${path}?limit=100${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...items(page));
    cursor = page.next_cursor;
  }
  return all;
}

/** Calls the API with a token, and without the session. */
export const callWithToken = <T>(token: string, method: Method, path: string, body?: unknown) => callOnce<T>(method, path, body, token);

async function callOnce<T>(method: Method, path: string, body: unknown, token?: string): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const init: RequestInit = { method, credentials: token === undefined ? "same-origin" : "omit", headers };
  if (method !== "GET") {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(body ?? {});
  }
  const response = await fetch(path, init).catch(() => undefined);
  if (response === undefined) throw new ApiError(0, {}, undefined);
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = (await response.json().catch(() => ({ code: "internal", message: "" }))) as Partial<Problem>;
  const error = new ApiError(response.status, problem, Number(response.headers.get("retry-after")) || undefined);
  if (error.code === "session_required" && path !== "/auth/me") signedOut();
  throw error;
}

const TEXTS: Record<string, string> = {
  unreachable: "The service cannot be reached. Check your connection.",
  session_required: "You were signed out.",
  foreign_origin: "This page may not change anything here.",
  key_not_found: "It is gone already.",
  session_not_found: "It is gone already.",
  project_not_found: "There is no such project, or it belongs to another account.",
  run_not_found: "It ended more than 7 days ago, or was never here.",
  key_revoked: "This key was revoked, for good.",
  key_rotated: "This key was rotated already.",
  account_suspended: "This account is suspended.",
  sandbox_not_found: "There is no such sandbox, or it belongs to another account.",
  sandbox_unavailable: "The machines have no room at the moment. Try again soon.",
  sandbox_interrupted: "The machine of the sandbox was lost. Its files are those that were saved last.",
  file_not_found: "There is no such file any more.",
  file_exists: "There is a file of this name already.",
  not_a_directory: "A part of the path is a file, and not a folder.",
  directory_not_empty: "The folder is not empty.",
  disk_full: "The disk of the sandbox is full. Delete files to make room.",
  file_refused: "The sandbox does not allow this with this file.",
  snapshot_not_found: "It is gone already.",
  process_not_found: "It is gone already.",
  previews_unavailable: "This deployment has no host for the URLs of ports.",
  context_not_found: "The interpreter has ended, with what it held.",
};

/** What people read about a failure. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof ApiError)) return "This is our fault.";
  const known = Object.hasOwn(TEXTS, error.code) ? TEXTS[error.code] : undefined;
  if (known !== undefined) return known;
  if (error.fields.length > 0) return error.fields.map(({ field, message }) => `${field} ${message}`).join("; ");
  // What these say is for people: which limit it is, and when there is room again.
  if (["quota_full", "quota_exceeded", "too_many_requests", "too_many_rooms", "room_busy", "rate_limit_exceeded", "room_token_required", "invalid_api_key", "too_many_sandboxes", "too_many_snapshots", "too_many_contexts", "too_many_processes", "too_many_ports", "process_ended"].includes(error.code)) return error.message;
  return error.status >= 500 ? "Part of the service is not answering." : "This page sent something wrong. Reload it.";
}
