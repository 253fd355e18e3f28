//! A limiter with a limit for each tier of users.

import type { RateLimiter, RateLimitResult } from "./limiter.ts";

/** Tiers of users: the calls that each may make, and the length of the window in milliseconds. */
export type Tiers = Record<string, { requests: number; windowMs: number }>;

/** A call of a user with a tier. */
export interface TieredCheck<Tier extends string> {
  userId: string;
  tier: Tier;
}

/** A limiter with a limit for each tier. */
export interface TieredRateLimiter<Tier extends string> {
  /**
   * Decides about one call, as {@link RateLimiter.check} does, with the limit of the tier.
   *
   * @throws RangeError if there is no such tier.
   */
  check(call: TieredCheck<Tier>): Promise<RateLimitResult>;
  /** Forgets the calls of a user. */
  reset(userId: string): Promise<void>;
}

/** A limiter with other limits for each tier. A user who changes the tier keeps the calls that were counted. */
export function createTieredRateLimiter<const T extends Tiers>(limiter: RateLimiter, tiers: T): TieredRateLimiter<keyof T & string> {
  const limits = new Map(Object.entries(tiers));
  return {
    async check({ userId, tier }) {
      const limit = limits.get(tier);
      if (limit === undefined) throw new RangeError(`tier must be one of ${[...limits.keys()].join(", ")}, got ${String(tier)}`);
      return limiter.check({ userId, limit: limit.requests, windowMs: limit.windowMs });
    },
    reset: (userId) => limiter.reset(userId),
  };
}
