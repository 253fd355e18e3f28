//! Keys and their gates, through the real runtime: exact limits, revocation, domains, and nobody else's anything.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, Platform, type User } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
after(() => docle.stop());

let people = 0;

/** A user with a project and a key in it. */
async function owner(settings: object = {}): Promise<{ user: User; project: string; id: string; key: string }> {
  const user = await docle.signIn(`owner${++people}@example.com`);
  const project = (await json(201, await user.call("POST", "/api/projects", { name: "Shop" }))).id as string;
  const { id, key } = await json(201, await user.call("POST", `/api/projects/${project}/keys`, settings));
  return { user, project, id, key };
}

/** How many answers have which status. */
async function statuses(answers: Promise<Response>[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const answer of await Promise.all(answers)) {
    counts[answer.status] = (counts[answer.status] ?? 0) + 1;
    await answer.text();
  }
  return counts;
}

const many = (count: number, call: () => Promise<Response>) => Array.from({ length: count }, call);

test("of 500 calls at once on a key for 50 a minute, exactly 50 get through", async () => {
  const { key } = await owner({ rateLimitPerMinute: 50 });
  assert.deepEqual(await statuses(many(500, () => docle.run(key))), { 200: 50, 429: 450 });
  const refused = await docle.run(key);
  const problem = await json(429, refused);
  assert.deepEqual([problem.error, problem.limit, problem.remaining], ["Rate limit exceeded", 50, 0]);
  assert.match(problem.message, /^You have exceeded your rate limit of 50 requests per minute\. Please try again in \d+ seconds?\.$/);
  assert.equal(refused.headers.get("x-ratelimit-reset"), String(problem.reset_at));
  const wait = Number(refused.headers.get("retry-after"));
  assert.ok(wait > 0 && wait <= 60);
  assert.equal(refused.headers.get("ratelimit-policy"), '"key";q=50;w=60');
  assert.equal(refused.headers.get("ratelimit"), `"key";r=0;t=${wait}`);
});

test("of 2,000 calls in four waves on a key for 10 a minute, exactly 10 get through", async () => {
  const { key } = await owner({ rateLimitPerMinute: 10 });
  let passed = 0;
  for (let wave = 0; wave < 4; wave++) passed += (await statuses(many(500, () => docle.run(key))))[200] ?? 0;
  assert.equal(passed, 10);
});

test("keys do not share their limits", async () => {
  const { user, project, key } = await owner({ rateLimitPerMinute: 3 });
  const other = await json(201, await user.call("POST", `/api/projects/${project}/keys`, { rateLimitPerMinute: 3 }));
  const [one, two] = await Promise.all([statuses(many(9, () => docle.run(key))), statuses(many(9, () => docle.run(other.key)))]);
  assert.deepEqual([one, two], [{ 200: 3, 429: 6 }, { 200: 3, 429: 6 }]);
});

test("a call that is invalid counts, and carries the limit's headers", async () => {
  const { key } = await owner({ rateLimitPerMinute: 2 });
  const invalid = await docle.run(key, {}, { lang: "cobol" });
  assert.deepEqual([invalid.status, invalid.headers.get("x-ratelimit-remaining")], [400, "1"]);
  await invalid.text();
  assert.deepEqual(await statuses([docle.run(key)]), { 200: 1 });
  assert.equal((await docle.run(key, {}, { lang: "cobol" })).status, 429, "a limit that is used up says nothing of the body");
});

test("a key that is revoked while calls are in flight fails on the next one", async () => {
  const { user, id, key } = await owner({ rateLimitPerMinute: 10_000 });
  const before = statuses(many(200, () => docle.run(key)));
  const revoked = user.call("DELETE", `/api/keys/${id}`);
  assert.equal((await revoked).status, 204);
  assert.deepEqual(await statuses(many(50, () => docle.run(key))), { 401: 50 });
  assert.ok(Object.keys(await before).every((status) => status === "200" || status === "401"));
});

test("settings hold for the next call", async () => {
  const { user, id, key } = await owner({ rateLimitPerMinute: 1 });
  assert.deepEqual(await statuses([docle.run(key)]), { 200: 1 });
  assert.deepEqual(await statuses([docle.run(key)]), { 429: 1 });
  await json(200, await user.call("PATCH", `/api/keys/${id}`, { rateLimitPerMinute: 2, allowedDomains: ["*.example.com"] }));
  assert.deepEqual(await statuses([docle.run(key, { origin: "https://evil.test" })]), { 403: 1 });
  const allowed = await docle.run(key, { origin: "https://app.example.com" });
  assert.deepEqual([allowed.status, allowed.headers.get("x-ratelimit-remaining")], [200, "0"]);
  await allowed.text();
});

test("a key is rotated with an overlap, and without one", async () => {
  const { user, id, key } = await owner();
  const second = await json(201, await user.call("POST", `/api/keys/${id}/rotate`, {}));
  assert.deepEqual(await statuses([docle.run(key), docle.run(second.key)]), { 200: 2 });
  const third = await json(201, await user.call("POST", `/api/keys/${second.id}/rotate`, { overlapSeconds: 0 }));
  assert.deepEqual(await statuses([docle.run(second.key)]), { 401: 1 });
  assert.deepEqual(await statuses([docle.run(third.key)]), { 200: 1 });
});

test("a project is deleted with its keys", async () => {
  const { user, project, key } = await owner();
  assert.deepEqual(await statuses([docle.run(key)]), { 200: 1 });
  assert.equal((await user.call("DELETE", `/api/projects/${project}`)).status, 204);
  assert.deepEqual(await statuses([docle.run(key)]), { 401: 1 });
  await json(404, await user.call("GET", `/api/projects/${project}`));
});

test("a well-formed key that nobody made is refused", async () => {
  assert.deepEqual(await statuses(many(20, () => docle.run(docle.worker.newKey()))), { 401: 20 });
});

test("a key that the database lost is noticed within seconds of use", async () => {
  const { id, key } = await owner();
  assert.deepEqual(await statuses([docle.run(key)]), { 200: 1 });
  await docle.worker.sql(`UPDATE api_keys SET revoked_at = 1 WHERE id = '${id}'`);
  await until("the gate's notice", async () => (await statuses([docle.run(key, {}, {})]))[401] === 1, 20);
});

test("a browser's preflight is answered, and pages may read the limit", async () => {
  const { key } = await owner();
  const headers = { origin: "https://shop.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" };
  const preflight = await docle.fetch("/api/run", { method: "OPTIONS", headers });
  assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin"), preflight.headers.get("access-control-allow-credentials")], [204, "*", null]);
  const answer = await docle.run(key, { origin: "https://shop.example" });
  await answer.text();
  assert.match(answer.headers.get("access-control-expose-headers") ?? "", /x-ratelimit-remaining/);
  const foreign = await docle.fetch("/api/projects", { method: "OPTIONS", headers });
  assert.equal(foreign.headers.get("access-control-allow-origin"), null);
  const own = await docle.fetch("/api/projects", { method: "OPTIONS", headers: { ...headers, origin: docle.worker.url } });
  assert.deepEqual([own.headers.get("access-control-allow-origin"), own.headers.get("access-control-allow-credentials")], [docle.worker.url, "true"]);
});

test("runs are counted, each once, with the key's last use", async () => {
  const { user, project, id, key } = await owner({ name: "Production" });
  const body = { lang: "node", code: "console.log(1)", userContext: { id: "u1", tier: "pro" } };
  const once = { "idempotency-key": "order-1" };
  const ids = [];
  for (const headers of [{}, {}, once, once]) ids.push((await json(200, await docle.run(key, headers, body))).id);
  assert.equal(ids[2], ids[3]);
  const usage = async () => json(200, await user.call("GET", `/api/projects/${project}/usage?limit=2`));
  await until("the runs to be counted", async () => (await usage()).total_runs === 3, 20);
  const told = await usage();
  assert.deepEqual([told.python_runs, told.nodejs_runs, told.success_rate], [0, 3, 100]);
  assert.deepEqual(told.api_keys, [{ id, name: "Production", runs: 3 }]);
  assert.deepEqual(told.duration_ms, { p50: 12, p95: 12 });
  assert.deepEqual([told.end_users[0].id, told.end_users[0].runs], ["u1", 3]);
  const rest = await json(200, await user.call("GET", `/api/projects/${project}/usage?cursor=${told.next_cursor}`));
  const listed = [...told.history, ...rest.history];
  assert.deepEqual(listed.map((run: { id: string }) => run.id).sort(), [...new Set(ids)].sort());
  assert.deepEqual(listed[0].user_context, { id: "u1", tier: "pro" });
  assert.equal(listed[0].ip_address, null);
  const lastUse = async () => (await json(200, await user.call("GET", `/api/projects/${project}/keys`))).apiKeys[0].last_used_at;
  await until("the key's last use", async () => (await lastUse()) !== null, 20);
  assert.match(await lastUse(), /^\d{4}-\d\d-\d\dT/);
});
