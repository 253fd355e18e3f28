//! The scheduled event, through the real runtime: what has expired goes, what has not stays.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, Platform } from "../harness/platform.ts";

const docle = await Platform.start();
after(() => docle.stop());

const HOUR = 60 * 60 * 1_000;
const DAY = 24 * HOUR;

/** The first column of a query's rows. */
async function column(query: string): Promise<unknown[]> {
  const { results } = (await docle.worker.sql(query)) as { results: Record<string, unknown>[] };
  return results.map((row) => Object.values(row)[0]);
}

test("the scheduled event deletes what has expired and nothing else", async () => {
  const user = await docle.signIn("ada@example.com");
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const now = Date.now();
  const runs = (at: number, status: string) =>
    `INSERT INTO usage_hours (project_id, shard, hour, tier, language, status, runs)
       VALUES ('${project}', 0, ${Math.floor(at / HOUR)}, 'run', 'python', '${status}', 1)`;
  for (const statement of [
    `INSERT INTO sessions (id, token_hash, user_id, created_at, last_used_at, expires_at) SELECT 'old', 'old', id, 0, 0, ${now - 1} FROM users LIMIT 1`,
    `INSERT INTO login_links (token_hash, email, expires_at) VALUES ('old', 'a@b.c', ${now - 1}), ('new', 'a@b.c', ${now + DAY})`,
    `INSERT INTO attempts (subject, at) VALUES ('old', 0), ('new', ${now})`,
    runs(now - 401 * DAY, "old"),
    runs(now - 399 * DAY, "new"),
    "INSERT INTO usage_orphans (log_id) VALUES ('0badcafe01')",
  ]) {
    await docle.worker.sql(statement);
  }

  assert.equal(await docle.worker.schedule(), "ok");

  assert.deepEqual(await column("SELECT id FROM sessions WHERE id = 'old'"), []);
  assert.equal((await column("SELECT id FROM sessions")).length, 1, "the one that is used");
  assert.deepEqual(await column("SELECT token_hash FROM login_links WHERE email = 'a@b.c'"), ["new"]);
  assert.deepEqual(await column("SELECT subject FROM attempts WHERE subject IN ('old', 'new')"), ["new"]);
  assert.deepEqual(await column("SELECT status FROM usage_hours"), ["new"]);
  assert.deepEqual(await column("SELECT log_id FROM usage_orphans"), []);
  await json(200, await user.call("GET", "/auth/me"));
});
