//! The limiter in Upstash.

import { limiterOver, type LimiterOptions, type RateLimiter } from "./limiter.ts";
import { counted, evaluate, SCRIPT, SCRIPT_SHA } from "./script.ts";

/** What the limiter needs of an Upstash client; `@upstash/redis` has it. */
export interface UpstashClient {
  evalsha(sha: string, keys: string[], rest: string[]): Promise<unknown>;
  eval(script: string, keys: string[], rest: string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
}

/** A limiter in Upstash, over HTTP: for edge functions and everything else that keeps no connections. */
export function createUpstashRateLimiter(redis: UpstashClient, options?: LimiterOptions): RateLimiter {
  return limiterOver(
    {
      async count(key, limit, windowMs) {
        const rest = [`${limit}`, `${windowMs}`];
        return counted(await evaluate(() => redis.evalsha(SCRIPT_SHA, [key], rest), () => redis.eval(SCRIPT, [key], rest)));
      },
      remove: (key) => redis.del(key),
    },
    options,
  );
}
