//! Verifies what the service sends to a webhook: signatures of Standard Webhooks, by the Web Crypto API.

import type { WebhookMessage } from "./generated/api.ts";

/** What a webhook gets when a run has ended. */
export type { WebhookMessage } from "./generated/api.ts";

/** A request that the service has not sent, or that is too old. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
}

/** How far the clock of the receiver may be off, and how long a message may be on its way. */
const TOLERANCE_SECONDS = 300;

/** The headers of a request: those of `fetch`, or those of Node. */
export type WebhookHeaders = { get(name: string): string | null } | Record<string, string | readonly string[] | undefined>;

/**
 * The message in a request to a webhook. `body` is the body as it arrived, because JSON that was read and written again has
 * another signature. `secrets` is the secret of the project, or several of which one has signed.
 *
 * Throws a {@link WebhookVerificationError} if the service has not sent it, or more than five minutes ago. The message may have
 * arrived before: keep its header `webhook-id`.
 */
export async function verifyWebhook(body: string | Uint8Array, headers: WebhookHeaders, secrets: string | readonly string[], now: Date = new Date()): Promise<WebhookMessage> {
  const [id, time, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => header(headers, name)) as [string, string, string];
  const age = now.getTime() / 1_000 - Number(time);
  if (!/^\d+$/.test(time) || Math.abs(age) > TOLERANCE_SECONDS) throw new WebhookVerificationError("The timestamp of the message is not within five minutes of now.");
  const content = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = join(new TextEncoder().encode(`${id}.${time}.`), content);
  const sent = signatures.split(" ").flatMap((signature) => (signature.startsWith("v1,") ? [decode(signature.slice(3))] : []));
  for (const secret of typeof secrets === "string" ? [secrets] : secrets) {
    const bytes = decode(secret.replace(/^whsec_/, ""));
    if (bytes === undefined || bytes.length === 0) throw new TypeError("A webhook secret is whsec_ and base64.");
    const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of sent) {
      // It compares in a time that does not depend on the signature.
      if (signature && (await crypto.subtle.verify("HMAC", key, signature, signed))) return JSON.parse(new TextDecoder().decode(content)) as WebhookMessage;
    }
  }
  throw new WebhookVerificationError("No signature of the message is by this secret.");
}

function header(headers: WebhookHeaders, name: string): string {
  const value = typeof headers.get === "function" ? (headers as { get(name: string): string | null }).get(name) : (headers as Record<string, unknown>)[name];
  if (typeof value !== "string" || value === "") throw new WebhookVerificationError(`The request has no header ${name}.`);
  return value;
}

/** The bytes of a text in base64; undefined if it is none. */
function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
