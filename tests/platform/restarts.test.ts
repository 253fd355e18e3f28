//! What a key's gate knows after it was taken out of memory, and after the runtime was killed.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { own } from "../../scripts/setup/paths.mjs";
import { json, Platform, type User } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const LIMIT = 20;

/** A key for so many calls a minute, with its owner. */
async function newKey(docle: Platform, user: User): Promise<{ id: string; key: string; project: string; gate: string }> {
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const { id, key } = await json(201, await user.call("POST", `/api/projects/${project}/keys`, { rateLimitPerMinute: LIMIT }));
  return { id, key, project, gate: `key:${createHash("sha256").update(key).digest("hex")}` };
}

/** How many of so many calls at once get through. */
async function passed(docle: Platform, key: string, calls: number): Promise<number> {
  const answers = await Promise.all(Array.from({ length: calls }, () => docle.run(key)));
  await Promise.all(answers.map((answer) => answer.text()));
  return answers.filter(({ status }) => status === 200).length;
}

/** How many runs of a project the database has in its copy. */
async function copied(docle: Platform, project: string): Promise<number> {
  const { results } = (await docle.worker.sql(`SELECT sum(runs) AS runs FROM usage_hours WHERE project_id = '${project}'`)) as { results: { runs: number }[] };
  return results[0]?.runs ?? 0;
}

/** Waits until so many runs are copied: by then their calls are saved, too, because a gate saves within a second. */
const saved = (docle: Platform, project: string, runs: number) => until(`${runs} copied runs`, async () => (await copied(docle, project)) === runs, 30);

test("a gate that was taken out of memory counts on where it was, and a revoked key stays revoked", async () => {
  const docle = await Platform.start();
  try {
    const user = await docle.signIn("ada@example.com");
    const [one, revoked] = [await newKey(docle, user), await newKey(docle, user)];
    assert.equal(await passed(docle, one.key, 12), 12);
    assert.equal(await passed(docle, revoked.key, 1), 1);
    assert.equal((await user.call("DELETE", `/api/keys/${revoked.id}`)).status, 204);
    await saved(docle, one.project, 12);
    await docle.worker.evict("KeyGate", one.gate);
    await docle.worker.evict("KeyGate", revoked.gate);
    assert.equal(await passed(docle, one.key, 50), LIMIT - 12);
    assert.equal((await docle.run(revoked.key)).status, 401);
  } finally {
    await docle.stop();
  }
});

test("a runtime that is killed forgets at most the last second", async (context) => {
  mkdirSync(join(own, "tmp"), { recursive: true });
  const home = mkdtempSync(join(own, "tmp", "state-"));
  const state = join(home, "v3");
  try {
    const before = await Platform.start({}, state);
    context.after(() => before.crash().catch(() => undefined));
    const user = await before.signIn("ada@example.com");
    const [one, revoked] = [await newKey(before, user), await newKey(before, user)];
    assert.equal(await passed(before, one.key, 8), 8);
    assert.equal(await passed(before, revoked.key, 1), 1);
    await saved(before, one.project, 8);
    assert.equal((await user.call("DELETE", `/api/keys/${revoked.id}`)).status, 204);
    // These may be forgotten, because they may not be saved yet; the eight must not be.
    assert.equal(await passed(before, one.key, 3), 3);
    await before.crash();

    const after = await Platform.start({}, state);
    try {
      assert.equal((await after.run(revoked.key)).status, 401);
      const more = await passed(after, one.key, 50);
      assert.ok(more >= LIMIT - 11 && more <= LIMIT - 8, `${more} more`);
      // What the killed log had stored is copied together with what came later; nothing is counted twice.
      await until("the runs to be copied", async () => (await copied(after, one.project)) >= 8 + more, 30);
      assert.ok((await copied(after, one.project)) <= 11 + more);
    } finally {
      await after.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
