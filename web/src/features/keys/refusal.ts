//! What the server says is wrong with the settings of a key, where the form shows it.

import { ApiError, sentenceOf } from "../../api/client.ts";

const FIELDS = ["name", "allowedDomains", "rateLimitPerMinute", "expiresAt", "limits.networkRateLimitPerMinute"];

/** The messages by field; what belongs to none is under `form`. */
export function refusalOf(error: unknown): Record<string, string> {
  const found = error instanceof ApiError ? FIELDS.flatMap((field) => (error.field(field) === undefined ? [] : [[field, error.field(field)]])) : [];
  return found.length > 0 ? (Object.fromEntries(found) as Record<string, string>) : { form: sentenceOf(error) };
}
