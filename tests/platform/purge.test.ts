//! The scheduled event, through the real runtime: what has expired goes, what has not stays.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { json, Platform } from "../harness/platform.ts";

const docle = await Platform.start();
after(() => docle.stop());

const DAY = 24 * 60 * 60 * 1_000;

/** The first column of a query's rows. */
async function column(query: string): Promise<unknown[]> {
  const { results } = (await docle.worker.sql(query)) as { results: Record<string, unknown>[] };
  return results.map((row) => Object.values(row)[0]);
}

test("the scheduled event deletes what has expired and nothing else", async () => {
  const user = await docle.signIn("ada@example.com");
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const now = Date.now();
  const ids = { old: randomUUID(), new: randomUUID(), orphan: randomUUID() };
  const run = (id: string, of: string, at: number) =>
    `INSERT INTO usage_runs (run_id, project_id, key_id, created_at, tier, language, snippet, status, exit_code, duration_ms)
       VALUES ('${id}', '${of}', 'key_1', ${at}, 'run', 'python', 'x', 'success', 0, 1)`;
  for (const statement of [
    `INSERT INTO sessions (id, token_hash, user_id, created_at, last_used_at, expires_at) SELECT 'old', 'old', id, 0, 0, ${now - 1} FROM users LIMIT 1`,
    `INSERT INTO login_links (token_hash, email, expires_at) VALUES ('old', 'a@b.c', ${now - 1}), ('new', 'a@b.c', ${now + DAY})`,
    `INSERT INTO attempts (subject, at) VALUES ('old', 0), ('new', ${now})`,
    run(ids.old, project, now - 91 * DAY),
    run(ids.new, project, now - 89 * DAY),
    run(ids.orphan, "proj_gone", now),
    "INSERT INTO usage_orphans (project_id) VALUES ('proj_gone')",
  ]) {
    await docle.worker.sql(statement);
  }
  await docle.worker.store(`run:${ids.orphan}`, "{}");
  await docle.worker.store(`run:${ids.new}`, "{}");

  assert.equal(await docle.worker.schedule(), "ok");

  assert.deepEqual(await column("SELECT id FROM sessions WHERE id = 'old'"), []);
  assert.equal((await column("SELECT id FROM sessions")).length, 1, "the one that is used");
  assert.deepEqual(await column("SELECT token_hash FROM login_links WHERE email = 'a@b.c'"), ["new"]);
  assert.deepEqual(await column("SELECT subject FROM attempts WHERE subject IN ('old', 'new')"), ["new"]);
  assert.deepEqual(await column("SELECT run_id FROM usage_runs"), [ids.new]);
  assert.deepEqual(await column("SELECT project_id FROM usage_orphans"), []);
  assert.deepEqual([await docle.worker.stored(`run:${ids.orphan}`), await docle.worker.stored(`run:${ids.new}`)], [null, "{}"]);
  await json(200, await user.call("GET", "/auth/me"));
});
