//! A project's pool of real containers: shared out by load, limited, and honest about waiting.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, test } from "node:test";
import { openCall } from "../harness/caller.ts";
import { Docle, problem } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

let docle: Docle;
afterEach(() => docle.stop());

const quick = { lang: "python", code: "print(1)" };
const endless = (marker: string) => ({ lang: "python", code: "import time; time.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 } });

// Containers that run one program at a time, so that few programs fill them.
const narrow = { grants: "platform", places: 1 } as const;

test("a run that finds its container full goes to another one, up to the project's share", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, narrow);
  const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
  const calls = [];
  for (const marker of [first, second]) {
    calls.push(openCall(docle, endless(marker)));
    await until("its start", () => processesWith(marker).length > 0, 20);
  }
  assert.equal(docle.containers.running().length, 2);
  assert.deepEqual((await docle.runners()).map(({ running }) => running), [1, 1]);
  calls.push(openCall(docle, endless(third)));
  await until("its place in the queue", async () => ((await docle.worker.pool("pool:proj_dev", "state")) as { queued: number }).queued === 1);
  assert.equal(docle.containers.running().length, 2, "no third container");
  calls[1]?.leave();
  await until("its start in the second container", () => processesWith(third).length > 0, 20);
  for (const call of calls) call.leave();
  await until("no process of the runs", () => [first, second, third].every((marker) => processesWith(marker).length === 0));
});

test("a full queue turns away with a time to come back, and a wait is said", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "1", POOL_MAX_QUEUED: "1" }, narrow);
  await docle.run(quick);
  const marker = randomUUID();
  const held = openCall(docle, endless(marker));
  await until("its start", () => processesWith(marker).length > 0, 20);
  const waiting = docle.run(quick);
  await until("the other's place in the queue", async () => ((await docle.worker.pool("pool:proj_dev", "state")) as { queued: number }).queued === 1);
  const response = await docle.post(quick);
  const wait = Number(response.headers.get("retry-after"));
  assert.ok(wait >= 1 && wait <= 60, `${wait}`);
  assert.equal((await problem(429, response)).code, "queue_full");
  held.leave();
  const { stdout, usage } = await waiting;
  assert.equal(stdout, "1\n");
  assert.ok(usage.queueMs > 0, `${usage.queueMs}`);
});

test("a run that waited too long is turned away, and did not run", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, narrow);
  const [marker, other] = [randomUUID(), randomUUID()];
  const held = openCall(docle, endless(marker));
  await until("its start", () => processesWith(marker).length > 0, 20);
  const response = await docle.post(endless(other));
  assert.ok(Number(response.headers.get("retry-after")) >= 1);
  assert.equal((await problem(503, response)).code, "runner_busy");
  assert.equal(processesWith(other).length, 0);
  held.leave();
});

test("a hundred runs at once on a cold pool start a few containers, and each gets its own answer", async () => {
  docle = await Docle.contained({}, { grants: "platform" });
  const runs = Array.from({ length: 100 }, async (_, i) => {
    const marker = randomUUID();
    const result = await docle.run({ lang: "python", code: `import sys; print(sys.argv[1], ${i})`, args: [marker], policy: { timeoutMs: 30_000 } });
    assert.equal(result.stdout, `${marker} ${i}\n`, result.stderr);
    return result.id;
  });
  assert.equal(new Set(await Promise.all(runs)).size, 100);
  const started = docle.containers.engine.started.length;
  assert.ok(started >= 1 && started <= 3, `${started} containers were started`);
});

test("what an object does not know after an eviction it finds again, in every container", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, narrow);
  const marker = randomUUID();
  const held = openCall(docle, endless(marker));
  await until("its start", () => processesWith(marker).length > 0, 20);
  await docle.run(quick);
  held.leave();
  await until("no run in progress", () => docle.idle());
  const before = docle.containers.running().length;
  assert.equal(before, 2);
  await docle.worker.evict("RunPool", "pool:proj_dev");
  await docle.worker.evict("RunPool", "pool:proj_dev#1");
  assert.deepEqual((await Promise.all([docle.run(quick), docle.run(quick)])).map(({ stdout }) => stdout), ["1\n", "1\n"]);
  assert.equal(docle.containers.boxes().length, before);
});
