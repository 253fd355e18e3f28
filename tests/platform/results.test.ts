//! Where results are kept: who finds one, when, and what it outlives.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { own } from "../../scripts/setup/paths.mjs";
import { json, Platform, type User } from "../harness/platform.ts";

/** More than a record holds. */
const large = { lang: "python", code: `# ${"x".repeat(10_000)}` };

async function newProject(docle: Platform, user: User): Promise<{ project: string; keyId: string; key: string }> {
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const { id: keyId, key } = await json(201, await user.call("POST", `/api/projects/${project}/keys`, { rateLimitPerMinute: 1_000 }));
  return { project, keyId, key };
}

/** The object that keeps a run, which its id leads to. */
const logOf = (id: string) => `usage:${id.slice(0, 8)}${id.slice(9, 11)}/${id.slice(11, 12)}`;

test("a result is there for anyone who knows its id as soon as it was answered, and after an object is reset", async () => {
  const docle = await Platform.start();
  try {
    const user = await docle.signIn("ada@example.com");
    const { project, keyId, key } = await newProject(docle, user);
    const small = await json(200, await docle.run(key));
    const big = await json(200, await docle.run(key, {}, large));
    const read = async (id: string, headers: Record<string, string> = {}) => json(200, await docle.fetch(`/api/run/${id}`, { headers }));
    assert.deepEqual([await read(small.id), await read(big.id)], [small, big]);
    assert.equal((await read(small.id, { authorization: `Bearer ${key}` })).input.code, "print(1)");
    assert.equal((await read(big.id, { cookie: user.cookie })).input.code, large.code);

    await docle.worker.evict("UsageLog", logOf(small.id));
    assert.deepEqual(await read(small.id), small);
    assert.equal((await user.call("DELETE", `/api/keys/${keyId}`)).status, 204);
    assert.deepEqual(await read(small.id), small, "a key that is revoked takes nothing along");
    const nobodys = big.id.replace(/.$/, (last: string) => (last === "0" ? "1" : "0"));
    await json(404, await docle.fetch(`/api/run/${nobodys}`));

    assert.equal((await user.call("DELETE", `/api/projects/${project}`)).status, 204);
    await json(404, await docle.fetch(`/api/run/${small.id}`));
    await json(404, await docle.fetch(`/api/run/${big.id}`));
    assert.equal(await docle.worker.stored(`input:${big.id}`), null, "what KV had of it is gone, too");
    await docle.worker.evict("UsageLog", logOf(small.id));
    await json(404, await docle.fetch(`/api/run/${small.id}`));
  } finally {
    await docle.stop();
  }
});

test("what was handed over outlives a runtime that is killed", async (context) => {
  mkdirSync(join(own, "tmp"), { recursive: true });
  const home = mkdtempSync(join(own, "tmp", "state-"));
  const state = join(home, "v3");
  try {
    const before = await Platform.start({}, state);
    context.after(() => before.crash().catch(() => undefined));
    const { key } = await newProject(before, await before.signIn("ada@example.com"));
    const run = await json(200, await before.run(key));
    // A caller that has read it has waited until it was handed over.
    await json(200, await before.fetch(`/api/run/${run.id}`));
    await before.crash();
    const after = await Platform.start({}, state);
    try {
      assert.deepEqual(await json(200, await after.fetch(`/api/run/${run.id}`)), run);
    } finally {
      await after.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("what is deleted for an end user includes the runs of the last seconds, however many", async () => {
  const docle = await Platform.start();
  try {
    const user = await docle.signIn("ada@example.com");
    const { project, key } = await newProject(docle, user);
    const body = { lang: "python", code: "print(1)", userContext: { id: "u1" } };
    const big = await json(200, await docle.run(key, {}, { ...large, userContext: { id: "u1" } }));
    const runs = await Promise.all(Array.from({ length: 150 }, async () => json(200, await docle.run(key, {}, body))));
    const path = `/api/projects/${project}/end-users?id=u1`;
    assert.deepEqual(await json(200, await user.call("DELETE", path)), { deleted_runs: 151, complete: true });
    assert.deepEqual((await json(200, await user.call("GET", path))).history, []);
    for (const { id } of [runs[0], runs[149], big]) await json(404, await docle.fetch(`/api/run/${id}`));
    assert.equal(await docle.worker.stored(`input:${big.id}`), null);
    const { results } = (await docle.worker.sql("SELECT runs FROM usage_recent")) as { results: { runs: string }[] };
    assert.ok(results.every(({ runs }) => !runs.includes(big.id)), "the copy in the database names none of them");
  } finally {
    await docle.stop();
  }
});
