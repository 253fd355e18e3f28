//! The settings of a client, with their defaults.

import type { Connection } from "./call.ts";

/** Settings of a client. */
export interface DocleOptions {
  /** The API key, or a run token; without it the environment variable `DOCLE_API_KEY`. */
  apiKey?: string;
  /** The address of the service; without it the environment variable `DOCLE_BASE_URL`, or else https://api.docle.co. */
  baseUrl?: string;
  /** Sends the requests; the platform's `fetch`. */
  fetch?: typeof fetch;
  /** How often a call is repeated if nothing came of it; 2. */
  retries?: number;
  /** How long a call may take in all, in milliseconds; without it as long as the service needs. */
  timeoutMs?: number;
}

/** The connection with these settings. */
export function connect(options: DocleOptions): Connection {
  const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};
  const apiKey = options.apiKey ?? env.DOCLE_API_KEY;
  const isPage = "document" in globalThis && "window" in globalThis;
  if (isPage && apiKey?.startsWith("sk_")) {
    console.warn("Docle: everybody who opens this page can take its API key. Give pages a run token.");
  }
  return {
    apiKey,
    baseUrl: options.baseUrl ?? env.DOCLE_BASE_URL ?? "https://api.docle.co",
    // `fetch` of a browser works with its own `this` only.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    retries: options.retries ?? 2,
    timeoutMs: options.timeoutMs,
  };
}
