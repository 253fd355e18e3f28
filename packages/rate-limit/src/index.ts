//! Rate limits for each of your users: what the package exports.

/**
 * Rate limits for each of your users: an exact sliding window in Redis, Upstash or memory.
 *
 * A limit of 100 in 60 seconds lets 100 calls pass in any 60 seconds. Refused calls do not count.
 *
 * @module
 */

export { createRateLimitHeaders } from "./headers.ts";
export { RateLimitUnavailableError, type Check, type LimiterOptions, type RateLimiter, type RateLimitResult } from "./limiter.ts";
export { createMemoryRateLimiter, type MemoryLimiterOptions } from "./memory.ts";
export { createRedisRateLimiter, type RedisClient } from "./redis.ts";
export { createTieredRateLimiter, type TieredCheck, type TieredRateLimiter, type Tiers } from "./tiered.ts";
export { createUpstashRateLimiter, type UpstashClient } from "./upstash.ts";
