//! The headers that tell a client its limit.

import type { RateLimitResult } from "./limiter.ts";

/**
 * The headers that tell a client its limit: `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` (ISO 8601), and
 * for a refused call `Retry-After` in seconds.
 */
export function createRateLimitHeaders({ success, limit, remaining, reset }: RateLimitResult): Record<string, string> {
  const headers: Record<string, string> = {
    "X-RateLimit-Limit": `${limit}`,
    "X-RateLimit-Remaining": `${remaining}`,
    "X-RateLimit-Reset": reset.toISOString(),
  };
  if (!success) headers["Retry-After"] = `${Math.max(1, Math.ceil((reset.getTime() - Date.now()) / 1_000))}`;
  return headers;
}
