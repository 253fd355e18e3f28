//! Sandboxes as the clients of the API call them.

import assert from "node:assert/strict";
import type { Docle } from "./docle.ts";

/** JSON whose shape the test itself asserts. */
export type Json = Record<string, any>;

/** The path of the sandboxes. */
export const SANDBOXES = "/api/v1/sandboxes";

/** The JSON of a response that must have this status. */
export async function json(status: number, response: Response): Promise<Json> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as Json;
}

/** Calls of a service, with its key. A body of bytes is sent as it is, any other one as JSON. */
export function sandboxApi(docle: Docle) {
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> => {
    const init: RequestInit = { method, headers: { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json", ...headers } };
    if (body !== undefined) init.body = body instanceof Uint8Array ? body : JSON.stringify(body);
    return docle.fetch(path, init);
  };
  /** The path of a new sandbox. */
  const create = async (settings: Json = {}) => `${SANDBOXES}/${(await json(201, await call("POST", SANDBOXES, settings))).id as string}`;
  return { call, create };
}
