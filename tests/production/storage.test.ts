//! Runs and their records while the database is slow or fails, and while objects are reset.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, newNetwork, type User } from "../harness/platform.ts";
import { calls, make, SLOW, startUnderConditions } from "../harness/production.ts";
import { until } from "../harness/until.ts";

const docle = await startUnderConditions();
after(() => docle.stop());
const { key } = docle.worker;

/** The number in the only row and column of a query's result. */
async function count(query: string): Promise<number> {
  const { results } = (await docle.worker.sql(query)) as { results: Record<string, number>[] };
  return Object.values(results[0] ?? {})[0] ?? 0;
}

/** The runs of a project in the copy that the database has. */
const stored = (project = "proj_dev") => count(`SELECT coalesce(sum(runs), 0) FROM usage_hours WHERE project_id = '${project}'`);

/** The runs of a project in its log. */
async function logged(project: string): Promise<number> {
  return (await json(200, await user.call("GET", `/api/projects/${project}/usage`))).total_runs;
}

/** Makes a project with a key, whose gate has no other calls. */
async function newProject(user: User): Promise<{ project: string; key: string }> {
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const made = await json(201, await user.call("POST", `/api/projects/${project}/keys`, { rateLimitPerMinute: 10_000 }));
  return { project, key: made.key };
}

/** Runs so many programs, `atOnce` at once; answers with the ids of all that were answered with a result. */
async function runs(key: string, number: number, atOnce: number): Promise<string[]> {
  const ids: string[] = [];
  let begun = 0;
  const caller = async () => {
    while (begun++ < number) ids.push((await json(200, await docle.run(key))).id);
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  return ids;
}

let user: User;
test("signing in works with a slow database", async () => {
  await make(docle, SLOW);
  user = await docle.signIn("ada@example.com");
  await json(200, await user.call("GET", "/auth/me"));
});

test("usage was lost when two copies overlapped", async () => {
  const { project, key } = await newProject(user);
  await make(docle, SLOW);
  let over = false;
  const poll = async () => {
    while (!over) await json(200, await docle.fetch("/executions", { headers: { authorization: `Bearer ${key}` } }));
  };
  const pollers = [poll(), poll()];
  const ids = await runs(key, 400, 4);
  over = true;
  await Promise.all(pollers);
  await until("every run in the database", async () => (await stored(project)) >= ids.length, 30);
  assert.deepEqual([await stored(project), await logged(project)], [400, 400]);
});

test("the log of a project asked the database for ever after two copies met", async () => {
  const { project, key } = await newProject(user);
  // The log has runs of several copies, because the database does not answer for a while.
  await make(docle, { faults: [{ kind: "d1", match: "usage_hours", fail: "before", times: 2 }] });
  await runs(key, 150, 8);
  await until("every run in the database", async () => (await stored(project)) === 150, 60);
  await make(docle, {});
  await runs(key, 1, 1);
  // Whatever the log does by itself would be among the calls before its next copy.
  await until("the run in the database", async () => (await stored(project)) === 151, 60);
  const asked = (await calls(docle, "d1")).filter((sql) => sql.includes("usage_hours"));
  assert.ok(asked.length <= 2, `${asked.length} copies for one run`);
});

for (const fail of ["before", "after"] as const) {
  test(`runs were lost when their log was reset ${fail} it stored them`, async () => {
    const { project, key } = await newProject(user);
    await runs(key, 1, 1);
    await make(docle, { faults: [{ kind: "object", match: '"call":"submit"', fail, times: 1 }] });
    const ids = await runs(key, 5, 5);
    for (const id of ids) await json(200, await docle.fetch(`/api/run/${id}`));
    await make(docle, {});
    await json(200, await docle.fetch("/executions", { headers: { authorization: `Bearer ${key}` } }));
    await until("every run in the database", async () => (await stored(project)) === 6, 30);
  });
}

test("runs were recorded only for as long as the Worker went on after its answer", async () => {
  const { project, key } = await newProject(user);
  await make(docle, { waitUntilMs: 1 });
  const ids = await runs(key, 5, 5);
  for (const id of ids) await json(200, await docle.fetch(`/api/run/${id}`));
  await until("every run in the database", async () => (await stored(project)) === 5, 30);
});

test("a run that works needs no database", async () => {
  await runs(key, 1, 1);
  await until("the first run in the database", async () => (await stored()) >= 1, 30);
  await make(docle, { delays: { d1: [50, 50] } });
  const { id } = await json(200, await docle.run(key));
  await json(200, await docle.fetch(`/api/run/${id}`));
  await json(200, await docle.fetch("/executions", { headers: { authorization: `Bearer ${key}` } }));
  assert.deepEqual(await calls(docle, "d1"), [], "statements before the answers");
});

test("a database that fails costs no run, and what it missed is there later", async () => {
  const { project, key } = await newProject(user);
  await runs(key, 1, 1);
  await make(docle, { faults: [{ kind: "d1", match: "", fail: "before", times: 10_000 }] });
  const ids = await runs(key, 20, 4);
  assert.equal(new Set(ids).size, 20);
  await make(docle, {});
  await until("every run in the database", async () => (await stored(project)) === 21, 60);
});

test("a database that did it but said not counts nothing twice", async () => {
  const { project, key } = await newProject(user);
  await make(docle, { faults: [{ kind: "d1", match: "usage_hours", fail: "after", times: 2 }] });
  await runs(key, 30, 4);
  await until("every run in the database", async () => (await stored(project)) === 30, 60);
  assert.equal(await logged(project), 30);
});

test("a project that was deleted while its log failed left its results", async () => {
  const { project, key } = await newProject(user);
  const [id = ""] = await runs(key, 1, 1);
  await json(200, await docle.fetch(`/api/run/${id}`));
  await make(docle, { faults: [{ kind: "object", match: '"call":"delete"', fail: "before", times: 10 }] });
  assert.equal((await user.call("DELETE", `/api/projects/${project}`)).status, 204);
  assert.equal(await count("SELECT count(*) FROM usage_orphans"), 1);
  await make(docle, {});
  assert.equal(await docle.worker.schedule(), "ok");
  assert.equal(await count("SELECT count(*) FROM usage_orphans"), 0);
  await json(404, await docle.fetch(`/api/run/${id}`));
});

test("a login link was spent when the database failed on the way", async () => {
  const email = "grace@example.com";
  await json(200, await docle.send("/auth/request", { email }, { "cf-connecting-ip": newNetwork() }));
  const token = await docle.mailedToken(email);
  await make(docle, { faults: [{ kind: "d1", match: "INSERT INTO sessions", fail: "before", times: 1 }] });
  await json(503, await docle.send("/auth/verify", { token }));
  const redeemed = await docle.send("/auth/verify", { token });
  assert.equal(redeemed.status, 200, await redeemed.text());
});
