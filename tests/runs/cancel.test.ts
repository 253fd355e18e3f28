//! A run that is cancelled by its id, from anywhere.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const authorization = `Bearer ${docle.worker.key}`;
const cancel = (id: unknown, headers: Record<string, string> = { authorization }) => docle.fetch(`/api/run/${id}`, { method: "DELETE", headers });
const forever = { lang: "python", code: "import time\nprint('so far', flush=True)\nwhile True: time.sleep(1)", policy: { timeoutMs: 30_000 } };

for (const [kind, headers] of [["a stream", {}], ["a run with an idempotency key", { "idempotency-key": "cancel" }]] as const) {
  test(`${kind} is cancelled with its output so far, and both calls that cancel it get its result`, async () => {
    const events = await docle.stream(forever, { headers });
    const start = (await events.next()).value?.data;
    assert.equal((await events.next()).value?.data.data, "so far\n");
    const answers = await Promise.all([cancel(start?.id), cancel(start?.id)]);
    const [first, second] = await Promise.all(answers.map(async (answer) => ({ status: answer.status, result: (await answer.json()) as Record<string, unknown> })));
    assert.deepEqual([first?.status, first?.result.id, first?.result.status, first?.result.stdout], [200, start?.id, "cancelled", "so far\n"]);
    assert.deepEqual(second, first);
    const last = (await events.next()).value?.data;
    assert.deepEqual([last?.type, last?.status], ["complete", "cancelled"]);
    assert.equal((await cancel(start?.id)).status, 200);
    assert.ok(await docle.idle(), "nothing of it goes on");
  });
}

test("a run that has ended, and one of another project, are not cancelled", async () => {
  const { id } = await docle.run({ lang: "python", code: "print(1)" });
  assert.match((await problem(409, await cancel(id))).detail, /"success"/);
  assert.equal((await problem(404, await cancel("made-up"))).code, "run_not_found");
  const other = `sk_live_${"0".repeat(48)}`;
  assert.equal((await cancel(id, { authorization: `Bearer ${other}` })).status, 401);
  assert.equal((await cancel(id, {})).status, 401);
});

test("a client that takes compressed answers left, and its run went on", async () => {
  const [marker, leaving] = [`compressed-${crypto.randomUUID()}`, new AbortController()];
  const answer = docle.post({ ...forever, args: [marker] }, { headers: { "accept-encoding": "gzip, br" }, signal: leaving.signal });
  const reading = answer.then((response) => response.text()).catch(() => undefined);
  await until("a program that runs", () => processesWith(marker).length > 0);
  // The first spaces have come when there is an answer.
  await answer;
  leaving.abort();
  await reading;
  await until("no program any more", () => processesWith(marker).length === 0);
});
