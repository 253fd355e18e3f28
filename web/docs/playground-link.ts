//! Examples that run a program get a link that opens it in the playground.

import { deflateRawSync } from "node:zlib";

/** The body of a curl command that runs a program. */
const BODY = /\/api\/run\b[^]*?-d '([^]*?)'(?:\s|$)/;
/** What the playground takes over from a request. */
const FIELDS = new Set(["lang", "code", "stdin", "args"]);

/** The path of the playground with the program of an example; undefined if the example has none that is whole without it. */
export function playgroundLink(example: string): string | undefined {
  const body = BODY.exec(example)?.[1];
  if (body === undefined) return undefined;
  let request: Record<string, unknown>;
  try {
    request = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof request["lang"] !== "string" || typeof request["code"] !== "string" || Object.keys(request).some((field) => !FIELDS.has(field))) return undefined;
  const args = Array.isArray(request["args"]) ? { args: request["args"].join("\n") } : {};
  return `/playground#z=${deflateRawSync(JSON.stringify({ ...request, ...args })).toString("base64url")}`;
}
