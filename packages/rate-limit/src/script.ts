//! The sliding window of the stores that speak Redis.

/**
 * The sliding window as one script, which Redis runs as a whole: no other call can come between reading and counting.
 *
 * A sorted set holds the time of each call that passed, in microseconds of the clock of Redis, so that servers whose clocks
 * differ agree. Its members are unique: within a microsecond the number of calls only grows.
 */
export const SCRIPT = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit = tonumber(ARGV[1])
local window = ARGV[2] * 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
local used = redis.call('ZCARD', KEYS[1])
local passed = 0
if used < limit then
  local at = string.format('%.0f', now)
  redis.call('ZADD', KEYS[1], at, at .. '-' .. used)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  used = used + 1
  passed = 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local reset = window
if oldest[2] then reset = oldest[2] + window - now end
return {passed, used, math.ceil(reset / 1000)}`;

/** The SHA-1 of the script, by which Redis knows it once it has run it. */
export const SCRIPT_SHA = "73627f99647f943e9926092ea1e3f55ae3b679c9";

/** Runs the script by its hash, and sends it whole where Redis does not know it: after a restart, or for the first time. */
export async function evaluate<T>(byHash: () => Promise<T>, whole: () => Promise<T>): Promise<T> {
  try {
    return await byHash();
  } catch (error) {
    if (!String(error).includes("NOSCRIPT")) throw error;
    return whole();
  }
}

/** The answer of the script. */
export function counted(answer: unknown): { passed: boolean; used: number; resetMs: number } {
  if (!Array.isArray(answer) || answer.length !== 3) throw new Error("the store answered something else than a count");
  const [passed, used, resetMs] = answer.map(Number);
  return { passed: passed === 1, used: used ?? 0, resetMs: resetMs ?? 0 };
}
