//! The limiter in Redis.

import { limiterOver, type LimiterOptions, type RateLimiter } from "./limiter.ts";
import { counted, evaluate, SCRIPT, SCRIPT_SHA } from "./script.ts";

/** What the limiter needs of a Redis client; `ioredis` has it, a cluster of it, too. */
export interface RedisClient {
  evalsha(sha: string, keys: number, ...rest: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...rest: (string | number)[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
}

/**
 * A limiter in Redis, which all your servers share: `createRedisRateLimiter(new Redis(process.env.REDIS_URL))` with `ioredis`.
 * It needs Redis 5 or later.
 */
export function createRedisRateLimiter(redis: RedisClient, options?: LimiterOptions): RateLimiter {
  return limiterOver(
    {
      async count(key, limit, windowMs) {
        const rest = [key, limit, windowMs];
        return counted(await evaluate(() => redis.evalsha(SCRIPT_SHA, 1, ...rest), () => redis.eval(SCRIPT, 1, ...rest)));
      },
      remove: (key) => redis.del(key),
    },
    options,
  );
}
