//! The limiter in the memory of a process.

import { limiterOver, type LimiterOptions, type RateLimiter, type Store } from "./limiter.ts";

/** Settings of a limiter in memory. */
export interface MemoryLimiterOptions extends Omit<LimiterOptions, "prefix" | "failOpen" | "timeoutMs" | "onError"> {
  /** How many users are remembered; 10,000. Beyond that, those who have not called for longest are forgotten. */
  maxUsers?: number;
}

/** The calls of one user that passed, oldest first, and when the last of them leaves the window. */
interface Calls {
  times: number[];
  end: number;
}

/** A limiter in the memory of this process: for development and tests. A restart forgets it, and no other process sees it. */
export function createMemoryRateLimiter({ maxUsers = 10_000, ...options }: MemoryLimiterOptions = {}): RateLimiter {
  if (!Number.isSafeInteger(maxUsers) || maxUsers < 1) throw new TypeError(`maxUsers must be a whole number of at least 1, got ${String(maxUsers)}`);
  // A map keeps the order of insertion, and each call inserts its user anew: those who called long ago come first.
  const users = new Map<string, Calls>();

  function makeRoom(now: number): void {
    if (users.size <= maxUsers) return;
    for (const [key, { end }] of users) if (end <= now) users.delete(key);
    for (const key of users.keys()) {
      if (users.size <= maxUsers) return;
      users.delete(key);
    }
  }

  const store: Store = {
    async count(key, limit, windowMs) {
      // A clock that never goes back.
      const now = performance.now();
      const times = (users.get(key)?.times ?? []).filter((time) => time > now - windowMs);
      const passed = times.length < limit;
      if (passed) times.push(now);
      users.delete(key);
      if (times.length > 0) users.set(key, { times, end: (times.at(-1) ?? now) + windowMs });
      makeRoom(now);
      return { passed, used: times.length, resetMs: Math.ceil((times[0] ?? now) + windowMs - now) };
    },
    async remove(key) {
      users.delete(key);
    },
  };
  return limiterOver(store, options);
}
