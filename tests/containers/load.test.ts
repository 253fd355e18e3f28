//! A hundred projects whose first runs come at once, where a deployment has five containers: all are answered, none twice.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Docle, type Problem, type RunResult } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";

const PROJECTS = 100;
/** `max_instances` of wrangler.toml, for all projects together. */
const MAX_INSTANCES = 5;

const docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform", maxInstances: MAX_INSTANCES });
after(() => docle.stop());

/** Collects the processes that have `marker` in their command line for as long as `what` takes. */
async function seenDuring(marker: string, what: Promise<unknown>): Promise<Set<number>> {
  const seen = new Set<number>();
  let going = true;
  void what.finally(() => (going = false)).catch(() => undefined);
  while (going) {
    for (const pid of processesWith(marker)) seen.add(pid);
    await pause(25);
  }
  return seen;
}

test("as many projects as there are containers run, the others are told when to come back, and come", async () => {
  const keys = Array.from({ length: PROJECTS }, () => docle.worker.newKey());
  for (const [index, key] of keys.entries()) await docle.addProject(`proj_${index}`, key);
  const marker = randomUUID();
  const results: RunResult[] = [];
  const refused: string[] = [];
  const first = async (key: string, index: number) => {
    const body = { lang: "python", code: `import time; print(${index}); time.sleep(1)`, args: [marker], policy: { timeoutMs: 30_000 } };
    const sent = performance.now();
    const response = await docle.post(body, { headers: { authorization: `Bearer ${key}` } });
    const answer = (await response.json()) as RunResult & Problem;
    if (response.ok) {
      const { stdout, status, usage } = answer;
      assert.deepEqual([stdout, status], [`${index}\n`, "success"]);
      assert.ok(usage.queueMs > 0 && usage.queueMs + usage.durationMs <= performance.now() - sent, JSON.stringify(usage));
      results.push(answer);
      return;
    }
    assert.ok([429, 503].includes(response.status), JSON.stringify(answer));
    assert.ok(["runner_unavailable", "runner_busy", "queue_full"].includes(answer.code), answer.code);
    assert.ok(Number(response.headers.get("retry-after")) >= 1);
    refused.push(key);
  };
  const all = Promise.all(keys.map(first));
  const seen = await seenDuring(marker, all);
  await all;
  assert.ok(results.length > 0 && results.length <= MAX_INSTANCES, `${results.length} results`);
  assert.equal(results.length + refused.length, PROJECTS);
  assert.ok(seen.size > 0 && seen.size <= results.length, `${seen.size} programs of ${results.length} runs`);
  assert.ok(await docle.idle());
  assert.ok(docle.containers.running().length <= MAX_INSTANCES);

  // One of the projects needs its container no longer.
  const left = keys.findIndex((key) => !refused.includes(key));
  await docle.worker.pool(`pool:proj_${left}`, "destroy");
  const again = await docle.run({ lang: "python", code: "print('again')" }, { headers: { authorization: `Bearer ${refused[0]}` } });
  assert.equal(again.stdout, "again\n");
});
