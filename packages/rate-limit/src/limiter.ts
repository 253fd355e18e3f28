//! What every limiter has in common: its calls, their results, and what happens while its store does not respond.

/** A call of a user. */
export interface Check {
  /** The user; one limit holds for each. */
  userId: string;
  /** How many calls may pass within the window. The default is that of the limiter: 100. */
  limit?: number;
  /** The length of the window in milliseconds. The default is that of the limiter: 60,000. */
  windowMs?: number;
}

/** Whether a call passes, and what is left. */
export interface RateLimitResult {
  /** `true`: the call passes, and counts. */
  success: boolean;
  /** The limit that was applied. */
  limit: number;
  /** How many further calls would pass now. */
  remaining: number;
  /** When the oldest call that counts leaves the window: from then on, one more call passes. */
  reset: Date;
  /** Set if the store did not respond, and the limiter lets calls pass meanwhile (`failOpen`). */
  degraded?: true;
}

/** Counts the calls of users. */
export interface RateLimiter {
  /**
   * Decides about one call, and counts it if it passes.
   *
   * @throws TypeError if an option is not usable.
   * @throws RateLimitUnavailableError if the store does not respond, unless the limiter has `failOpen`.
   */
  check(call: Check): Promise<RateLimitResult>;
  /** Forgets the calls of a user, so that the whole limit is free again. */
  reset(userId: string): Promise<void>;
}

/** Settings of a limiter. */
export interface LimiterOptions {
  /** The limit of calls that name none; 100. */
  limit?: number;
  /** The window of calls that name none, in milliseconds; 60,000. */
  windowMs?: number;
  /** What the keys of the store begin with; `docle:rate-limit:`. */
  prefix?: string;
  /** `true`: calls pass while the store does not respond. `false`, the default: `check` throws. */
  failOpen?: boolean;
  /** How long the store may take, in milliseconds; 1,000. */
  timeoutMs?: number;
  /** Is told each failure of the store; for your log. */
  onError?: (error: unknown) => void;
}

/** The store of a limiter did not respond, so it is not known whether the call may pass. */
export class RateLimitUnavailableError extends Error {
  override readonly name = "RateLimitUnavailableError";

  constructor(cause: unknown) {
    super("The store of the rate limit does not respond; set failOpen to let calls pass meanwhile.", { cause });
  }
}

/** What a store answers: whether the call passed, the calls in the window, and milliseconds until the oldest leaves it. */
export interface Counted {
  passed: boolean;
  used: number;
  resetMs: number;
}

/** Where calls are counted. */
export interface Store {
  count(key: string, limit: number, windowMs: number): Promise<Counted>;
  remove(key: string): Promise<unknown>;
}

/** A limiter over a store. */
export function limiterOver(store: Store, options: LimiterOptions = {}): RateLimiter {
  const { prefix = "docle:rate-limit:", failOpen = false, timeoutMs = 1_000, onError } = options;
  const defaults = { limit: options.limit ?? 100, windowMs: options.windowMs ?? 60_000 };
  wholeNumber("limit", defaults.limit, 0);
  wholeNumber("windowMs", defaults.windowMs, 1);
  wholeNumber("timeoutMs", timeoutMs, 1);

  async function inTime<T>(work: () => Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no response within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      onError?.(error);
      throw new RateLimitUnavailableError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async check({ userId, limit = defaults.limit, windowMs = defaults.windowMs }) {
      const key = keyOf(prefix, userId);
      wholeNumber("limit", limit, 0);
      wholeNumber("windowMs", windowMs, 1);
      try {
        const { passed, used, resetMs } = await inTime(() => store.count(key, limit, windowMs));
        return { success: passed, limit, remaining: Math.max(0, limit - used), reset: new Date(Date.now() + resetMs) };
      } catch (error) {
        if (!failOpen) throw error;
        return { success: true, limit, remaining: limit, reset: new Date(Date.now() + windowMs), degraded: true };
      }
    },
    async reset(userId) {
      const key = keyOf(prefix, userId);
      await inTime(() => store.remove(key));
    },
  };
}

function keyOf(prefix: string, userId: string): string {
  // `undefined` would be one limit for everybody without a session.
  if (typeof userId !== "string" || userId === "") throw new TypeError(`userId must be a string that is not empty, got ${typeof userId === "string" ? '""' : typeof userId}`);
  return prefix + userId;
}

function wholeNumber(name: string, value: number, min: number): void {
  if (!Number.isSafeInteger(value) || value < min) throw new TypeError(`${name} must be a whole number of at least ${min}, got ${String(value)}`);
}
