//! A caller who goes away in the middle of a call.

import { request } from "node:http";
import type { Docle } from "./docle.ts";

/** A call that goes on: what it was answered so far, and its abrupt end. */
export interface OpenCall {
  readonly answer: { text: string };
  /**
   * Breaks the connection with a reset. A mere close looks to the runtime like a client that has nothing more to say,
   * which it may do while it waits, and is noticed only when something is written to it.
   */
  leave(): void;
  /** Closes the connection, as a client does that ends or gives up. */
  close(): void;
}

/** Sends `POST /api/run` with the key and does not wait for the end. */
export function openCall(docle: Docle, body: unknown, more: Record<string, string> = {}): OpenCall {
  const answer = { text: "" };
  const headers = { authorization: `Bearer ${docle.worker.key}`, ...more };
  const sent = request(`${docle.worker.url}/api/run`, { method: "POST", headers, agent: false }, (response) => {
    response.setEncoding("utf8").on("data", (text: string) => void (answer.text += text));
    response.on("error", () => undefined);
  });
  sent.on("error", () => undefined);
  sent.end(JSON.stringify(body));
  return { answer, leave: () => void sent.socket?.resetAndDestroy(), close: () => void sent.socket?.destroy() };
}
