//! Quotas and suspension through the real runtime: what an account may make and use, and what becomes of a suspended one.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { accountSql } from "../../scripts/account/sql.mjs";
import { json, newNetwork, Platform, type User } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

// The idle runner reports a millisecond of processor time for each run.
const docle = await Platform.start({ QUOTA_PROJECTS: "3", QUOTA_CPU_SECONDS: "1", QUOTA_RUNS_AT_ONCE: "2" });
after(() => docle.stop());

/** A project of a user with a key. */
async function keyOf(user: User): Promise<string> {
  const { id } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const { key } = await json(201, await user.call("POST", `/api/projects/${id}/keys`, { rateLimitPerMinute: 10_000 }));
  return key as string;
}

/** A quota of a user, by its name. */
async function quotaOf(user: User, name: string): Promise<{ used: number; limit: number | null; resets_at: string | null }> {
  const { quotas } = await json(200, await user.call("GET", "/api/account/usage", undefined, { "cf-connecting-ip": newNetwork() }));
  return quotas.find(({ quota }: { quota: string }) => quota === name);
}

test("of thirty projects that one account makes at once, three are made", async () => {
  const user = await docle.signIn("many@example.com");
  const answers = await Promise.all(Array.from({ length: 30 }, () => user.call("POST", "/api/projects", { name: "x" })));
  assert.equal(answers.filter(({ status }) => status === 201).length, 3);
  const refused = answers.find(({ status }) => status === 403);
  const problem = (await refused?.json()) as Record<string, unknown>;
  assert.deepEqual([problem["code"], problem["quota"], problem["limit"]], ["quota_full", "projects", 3]);
  assert.deepEqual(await quotaOf(user, "projects"), { quota: "projects", used: 3, limit: 3, resets_at: null });
});

test("what runs use is counted for their account, and a trusted account has no daily limit", async () => {
  const user = await docle.signIn("runs@example.com");
  const key = await keyOf(user);
  await Promise.all(Array.from({ length: 20 }, async () => json(200, await docle.run(key))));
  await until("the count of 20 runs", async () => (await quotaOf(user, "cpu_seconds")).used === 0.02, 60);
  const { limit, resets_at } = await quotaOf(user, "cpu_seconds");
  assert.equal(limit, 1);
  assert.ok(Date.parse(resets_at ?? "") > Date.now());
  await docle.worker.sql(accountSql("trust", " Runs@example.com"));
  assert.equal((await quotaOf(user, "cpu_seconds")).limit, null);
  assert.equal((await quotaOf(user, "runs_at_once")).limit, 2);
});

test("an account that is suspended is refused, and comes back whole", async () => {
  const user = await docle.signIn("eve@example.com");
  const key = await keyOf(user);
  await json(200, await docle.run(key));
  await docle.worker.sql(accountSql("suspend", "eve@example.com"));
  assert.equal((await json(403, await user.call("GET", "/api/projects"))).code, "account_suspended");
  await until("the refusal of the key", async () => {
    const answer = await docle.run(key);
    const { code } = (await answer.json()) as { code?: string };
    return answer.status === 403 && code === "account_suspended";
  }, 60);
  await docle.worker.sql(accountSql("resume", "eve@example.com"));
  await json(200, await user.call("GET", "/api/projects"));
  await until("the return of the key", async () => (await docle.run(key)).status === 200, 60);
});

test("the statement of an operator takes no other SQL", () => {
  assert.throws(() => accountSql("suspend", "x' OR '1'='1"));
  assert.throws(() => accountSql("delete", "ada@example.com"));
  assert.equal(accountSql("show", "o'neil@example.com"), "SELECT id, email, trusted, suspended_at FROM users WHERE email = 'o''neil@example.com'");
});
