//! `@doclehq/rate-limit`, from its tarball, with a real Redis server and the published clients.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import type * as RateLimit from "../rate-limit/src/index.ts";
import { SCRIPT, SCRIPT_SHA } from "../rate-limit/src/script.ts";
import { install, load } from "./packed.ts";
import { RedisServer } from "./redis.ts";
import { startUpstash } from "./upstash.ts";

const installed = install("rate-limit");
const { createMemoryRateLimiter, createRateLimitHeaders, createRedisRateLimiter, createTieredRateLimiter, createUpstashRateLimiter, RateLimitUnavailableError } =
  (await load(installed)) as typeof RateLimit;

const server = await RedisServer.start();
const redis = new Redis(server.url);
// It reports each attempt to reach a server that is gone; the calls fail by themselves.
redis.on("error", () => undefined);
const upstash = await startUpstash(server.url);

after(async () => {
  redis.disconnect();
  await upstash.stop();
  await server.kill();
  installed.remove();
});

const limiters: Record<string, () => RateLimit.RateLimiter> = {
  Redis: () => createRedisRateLimiter(redis),
  Upstash: () => createUpstashRateLimiter(new Upstash({ url: upstash.url, token: upstash.token })),
  memory: () => createMemoryRateLimiter(),
};

let users = 0;
const newUser = () => `user-${(users += 1)}`;

for (const [store, make] of Object.entries(limiters)) {
  describe(`in ${store}`, () => {
    const limiter = make();

    test("five hundred calls at once on a limit of a hundred let exactly a hundred pass", async () => {
      const userId = newUser();
      const results = await Promise.all(Array.from({ length: 500 }, () => limiter.check({ userId, limit: 100, windowMs: 60_000 })));
      const passed = results.filter(({ success }) => success);
      assert.equal(passed.length, 100);
      assert.deepEqual(passed.map(({ remaining }) => remaining).toSorted((one, other) => one - other), Array.from({ length: 100 }, (_, left) => left));
      assert.ok(results.every(({ success, remaining }) => success || remaining === 0));
    });

    test("refused calls do not count, and a place is free again when the oldest call leaves the window", async () => {
      const userId = newUser();
      const call = { userId, limit: 2, windowMs: 400 };
      const first = await limiter.check(call);
      const second = await limiter.check(call);
      assert.deepEqual([first.success, first.remaining, second.success, second.remaining], [true, 1, true, 0]);
      let refused = 0;
      let again = await limiter.check(call);
      while (!again.success) {
        refused += 1;
        assert.ok(again.reset.getTime() - Date.now() <= 400, `${again.reset.toISOString()} is too late`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        again = await limiter.check(call);
      }
      assert.ok(refused > 0);
    });

    test("each user has a limit of their own, which can be reset", async () => {
      const [one, other] = [newUser(), newUser()];
      const call = { limit: 1, windowMs: 60_000 };
      assert.equal((await limiter.check({ userId: one, ...call })).success, true);
      assert.equal((await limiter.check({ userId: one, ...call })).success, false);
      assert.equal((await limiter.check({ userId: other, ...call })).success, true);
      await limiter.reset(one);
      assert.equal((await limiter.check({ userId: one, ...call })).success, true);
    });

    test("a call that names no limit has the one of the limiter", async () => {
      const { limit, remaining, reset } = await limiter.check({ userId: newUser() });
      assert.deepEqual([limit, remaining], [100, 99]);
      assert.ok(Math.abs(reset.getTime() - Date.now() - 60_000) < 5_000);
    });

    test("a limit of nothing lets nothing pass", async () => {
      assert.equal((await limiter.check({ userId: newUser(), limit: 0, windowMs: 1_000 })).success, false);
    });

    test("what is no limit is refused in words", async () => {
      const userId = newUser();
      for (const [call, message] of [
        [{ userId: "" }, 'userId must be a string that is not empty, got ""'],
        [{ userId: undefined }, "userId must be a string that is not empty, got undefined"],
        [{ userId, limit: -1 }, "limit must be a whole number of at least 0, got -1"],
        [{ userId, limit: 1.5 }, "limit must be a whole number of at least 0, got 1.5"],
        [{ userId, limit: "10" }, "limit must be a whole number of at least 0, got 10"],
        [{ userId, windowMs: 0 }, "windowMs must be a whole number of at least 1, got 0"],
        [{ userId, windowMs: Number.NaN }, "windowMs must be a whole number of at least 1, got NaN"],
      ] as const) {
        await assert.rejects(limiter.check(call as RateLimit.Check), { name: "TypeError", message });
      }
    });
  });
}

test("all servers share one limit", async () => {
  const second = new Redis(server.url);
  const userId = newUser();
  const callers = [createRedisRateLimiter(redis), createRedisRateLimiter(second), limiters.Upstash?.() ?? assert.fail()];
  const results = await Promise.all(Array.from({ length: 90 }, (_, number) => callers[number % 3]?.check({ userId, limit: 30, windowMs: 60_000 })));
  assert.equal(results.filter((result) => result?.success).length, 30);
  second.disconnect();
});

test("a user's calls leave nothing behind when the window has passed", async () => {
  const userId = newUser();
  await createRedisRateLimiter(redis).check({ userId, limit: 5, windowMs: 50 });
  const left = async () => redis.pttl(`docle:rate-limit:${userId}`);
  assert.ok((await left()) <= 50);
  while ((await left()) !== -2) await new Promise((resolve) => setTimeout(resolve, 10));
});

test("while Redis is gone calls fail, or pass if that is wanted, and afterwards they count again", async () => {
  const errors: unknown[] = [];
  const closed = createRedisRateLimiter(redis, { timeoutMs: 200 });
  const open = createRedisRateLimiter(redis, { timeoutMs: 200, failOpen: true, onError: (error) => errors.push(error) });
  const [one, other] = [newUser(), newUser()];
  await server.kill();
  await assert.rejects(closed.check({ userId: one }), (error) => error instanceof RateLimitUnavailableError && /set failOpen/.test(error.message));
  const passed = await open.check({ userId: other, limit: 7 });
  assert.deepEqual([passed.success, passed.remaining, passed.degraded, errors.length], [true, 7, true, 1]);
  await assert.rejects(open.reset(other), { name: "RateLimitUnavailableError" });
  // The new server does not know the script.
  await server.start();
  const patient = createRedisRateLimiter(redis, { timeoutMs: 30_000 });
  const userId = newUser();
  const results = await Promise.all(Array.from({ length: 50 }, () => patient.check({ userId, limit: 10, windowMs: 60_000 })));
  assert.equal(results.filter(({ success }) => success).length, 10);
});

test("each tier has its limit, and only the tiers that were named exist", async () => {
  const limiter = createTieredRateLimiter(createMemoryRateLimiter(), { free: { requests: 1, windowMs: 60_000 }, pro: { requests: 3, windowMs: 60_000 } });
  const userId = newUser();
  const check = async (tier: "free" | "pro") => (await limiter.check({ userId, tier })).success;
  assert.deepEqual([await check("free"), await check("free"), await check("pro"), await check("pro"), await check("pro")], [true, false, true, true, false]);
  for (const tier of ["gold", "constructor", "__proto__", undefined]) {
    await assert.rejects(limiter.check({ userId, tier: tier as "free" }), { name: "RangeError", message: `tier must be one of free, pro, got ${String(tier)}` });
  }
  await limiter.reset(userId);
  assert.equal(await check("free"), true);
});

test("the headers tell the limit", () => {
  const reset = new Date(Date.now() + 1_500);
  assert.deepEqual(createRateLimitHeaders({ success: true, limit: 100, remaining: 95, reset }), {
    "X-RateLimit-Limit": "100",
    "X-RateLimit-Remaining": "95",
    "X-RateLimit-Reset": reset.toISOString(),
  });
  assert.equal(createRateLimitHeaders({ success: false, limit: 1, remaining: 0, reset })["Retry-After"], "2");
});

test("memory is bounded: users who have not called for longest are forgotten", async () => {
  const limiter = createMemoryRateLimiter({ maxUsers: 2, limit: 1 });
  const check = async (userId: string) => (await limiter.check({ userId })).success;
  assert.deepEqual([await check("a"), await check("b"), await check("a")], [true, true, false]);
  assert.equal(await check("c"), true);
  // b was forgotten, and a, who called after b, was not.
  assert.deepEqual([await check("a"), await check("b")], [false, true]);
  assert.throws(() => createMemoryRateLimiter({ maxUsers: 0 }), { name: "TypeError" });
});

test("Redis knows the script by the hash that the package has", () => {
  assert.equal(createHash("sha1").update(SCRIPT).digest("hex"), SCRIPT_SHA);
});

test("the package is at most 3 kB", () => {
  const size = gzipSync(readFileSync(join(installed.package, "dist", "index.js"))).length;
  assert.ok(size <= 3_000, `${size} bytes`);
});
