//! `Idempotency-Key`: a repeated call answers with the first result instead of running twice.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { openCall } from "../harness/caller.ts";
import { Docle, type RunResult } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const dice = { lang: "python", code: "import uuid; print(uuid.uuid4())" };
const named = (key: string, rest: Record<string, string> = {}) => ({ headers: { "idempotency-key": key, ...rest } });

test("a repeated call gets the first answer", async () => {
  const key = randomUUID();
  const first = await docle.run(dice, named(key));
  const again = await docle.post(dice, named(key));
  assert.equal(again.headers.get("idempotent-replay"), "true");
  assert.deepEqual(await again.json(), first);
  assert.notEqual((await docle.run(dice, named(randomUUID()))).stdout, first.stdout);
});

test("ten calls at once run once", async () => {
  const key = randomUUID();
  const results = await Promise.all(Array.from({ length: 10 }, () => docle.run(dice, named(key))));
  assert.equal(new Set(results.map(({ id, stdout }) => id + stdout)).size, 1);
});

test("a key stands for one body", async () => {
  const key = randomUUID();
  await docle.run(dice, named(key));
  const refusal = await docle.refused(422, { ...dice, stdin: "x" }, named(key));
  assert.equal(refusal.code, "idempotency_key_reused");
});

test("a stream is replayed with its output", async () => {
  const key = randomUUID();
  const first = await docle.run(dice, named(key));
  const events = await Array.fromAsync(await docle.stream(dice, named(key)));
  assert.deepEqual(events.map(({ event }) => event), ["start", "stdout", "complete"]);
  assert.partialDeepStrictEqual(events[2]?.data, { id: first.id, stdout: first.stdout });
});

test("a client that goes away does not end a named run", async () => {
  const [key, marker] = [randomUUID(), randomUUID()];
  const body = { lang: "python", code: "import time, uuid; time.sleep(1); print(uuid.uuid4())", args: [marker] };
  const call = openCall(docle, body, { "idempotency-key": key });
  await until("the program's start", () => processesWith(marker).length > 0);
  call.leave();
  const result: RunResult = await docle.run(body, named(key));
  assert.equal(result.status, "success");
});

test("a named run whose client left is recorded although nobody repeats the call", async () => {
  const [key, marker] = [randomUUID(), randomUUID()];
  const body = { lang: "python", code: "import time; time.sleep(1); print('late')", args: [marker] };
  const call = openCall(docle, body, { "idempotency-key": key, accept: "text/event-stream" });
  await until("the start", () => call.answer.text.includes("event: start"));
  const id = /"id":"([^"]+)"/.exec(call.answer.text)?.[1] ?? "";
  call.leave();
  const result = await docle.recorded(id);
  assert.partialDeepStrictEqual(result, { status: "success", stdout: "late\n" });
});

test("a large result is replayed whole", async () => {
  const key = randomUUID();
  const body = { lang: "python", code: "import sys; print('x' * 700_000); print('é' * 300_000, file=sys.stderr)", policy: { maxOutputBytes: 2_000_000 } };
  const first = await docle.run(body, named(key));
  assert.deepEqual([first.stdout.length, first.stderr.length], [700_001, 300_001]);
  assert.deepEqual(await docle.run(body, named(key)), first);
});

for (const key of ["", "a b", "x".repeat(256)]) {
  test(`${JSON.stringify(key.slice(0, 8))} is no key`, async () => {
    assert.equal((await docle.post(dice, named(key))).status, 400);
  });
}
