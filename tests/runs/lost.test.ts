//! Runs that their callers lost sight of: each is executed once at most, and no caller hears that a run did not begin that has.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, test } from "node:test";
import { Docle, problem, type RunResult } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";
import { Way } from "../harness/breakable-link.ts";

const way = await Way.start();
const docle = await Docle.start({ SANDBOX_URL: way.url });
way.leadTo(docle.runner.url);
after(async () => {
  await docle.stop();
  await way.stop();
});

afterEach(async () => {
  assert.equal((await docle.run(quick)).stdout, "1\n");
});

const quick = { lang: "python", code: "print(1)" };
const endless = (marker: string) => ({ lang: "python", code: "import time\ntime.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 } });

/** A run that has begun, which its object has not heard of. */
async function begunInSecret(marker: string, init: RequestInit = {}) {
  way.holds = "answers";
  const answer = docle.post(endless(marker), init);
  await until("the program's start", () => processesWith(marker).length > 0);
  await until("the runner's answer", () => way.heldUp === 1);
  way.holds = undefined;
  // In an object, for else this would wait for the answer, too.
  return { answer };
}

/** The run failed, as far as anybody knows, is recorded as such, and is over. */
async function failed(answer: Response, marker: string): Promise<void> {
  const result = (await answer.json()) as RunResult;
  assert.equal(answer.status, 200, JSON.stringify(result));
  assert.partialDeepStrictEqual(result, { ok: false, status: "system", exitCode: 1, stdout: "" });
  assert.equal(((await (await docle.fetch(`/api/run/${result.id}`)).json()) as RunResult).status, "system");
  await until("no process of the run", () => processesWith(marker).length === 0);
  await until("no run in progress", () => docle.idle());
}

test("a run that began before its object was reset is a system result", async () => {
  const marker = randomUUID();
  const { answer } = await begunInSecret(marker);
  await docle.worker.reset();
  await failed(await answer, marker);
});

test("so is one whose connection broke, and it does not begin again", async () => {
  const marker = randomUUID();
  const { answer } = await begunInSecret(marker);
  way.cut();
  await failed(await answer, marker);
});

test("one with an idempotency key is in doubt, also when the call is repeated, and does not begin again", async () => {
  const marker = randomUUID();
  const init = { headers: { "idempotency-key": randomUUID() } };
  const { answer } = await begunInSecret(marker, init);
  way.cut();
  assert.equal((await problem(409, await answer)).code, "idempotency_in_doubt");
  await until("no process of the run", () => processesWith(marker).length === 0);
  assert.equal((await problem(409, await docle.post(endless(marker), init))).code, "idempotency_in_doubt");
  assert.equal(processesWith(marker).length, 0);
});

test("a run that had not arrived before its object was reset is refused, and is not executed when it arrives", async () => {
  const marker = randomUUID();
  way.holds = "requests";
  const answer = docle.post(endless(marker));
  await until("the job's being sent", () => way.heldUp === 1);
  way.holds = undefined;
  await docle.worker.reset();
  assert.equal((await problem(503, await answer)).code, "runner_unavailable");
  assert.match(await way.release(), /^HTTP\/1\.1 409 .*"duplicate"/s);
  assert.equal(processesWith(marker).length, 0);
});
