//! A runner that is down, dies or comes back: nobody waits for ever, and the next run works.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, test } from "node:test";
import { Docle, type RunResult } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

// Whatever a test did to the runner, the one after it finds it running, and so would a user.
afterEach(async () => {
  await docle.runner.kill();
  await docle.runner.restart();
  assert.equal((await docle.run(quick)).stdout, "1\n");
});

const quick = { lang: "python", code: "print(1)" };
const endless = (marker: string) => ({
  lang: "python",
  code: "import os, time\nos.write(1, b'up\\n')\nif os.fork() == 0: os.setsid()\ntime.sleep(600)",
  args: [marker],
  policy: { timeoutMs: 300_000 },
});

test("a runner that is down is unavailable, with a time to come back", async () => {
  await docle.runner.kill();
  for (const headers of [{}, { accept: "text/event-stream" }]) {
    const response = await docle.post(quick, { headers });
    assert.equal(response.status, 503, await response.clone().text());
    assert.ok(Number(response.headers.get("retry-after")) > 0);
    assert.equal(((await response.json()) as { code: string }).code, "runner_unavailable");
  }
  const health = (await (await docle.fetch("/health")).json()) as { status: string; backend: { reachable: boolean } };
  assert.equal(health.status, "degraded");
  assert.equal(health.backend.reachable, false);
});

test("a runner that dies in the middle of a run is a system result, and nothing of the run is left", async () => {
  const marker = randomUUID();
  const run = docle.run(endless(marker));
  await until("the program's start", () => processesWith(marker).length > 0);
  await docle.runner.kill();
  const result = await run;
  assert.partialDeepStrictEqual(result, { ok: false, status: "system", exitCode: 1 });
  assert.notEqual(result.stderr, "");
  await until("no process of the run", () => processesWith(marker).length === 0);
});

test("a runner that dies in the middle of a stream completes it as a system result", async () => {
  const marker = randomUUID();
  const seen: string[] = [];
  let last: Record<string, unknown> = {};
  for await (const { event, data } of await docle.stream(endless(marker))) {
    seen.push(event);
    last = data;
    if (event === "stdout") await docle.runner.kill(); // A second time finds nothing left to kill.
  }
  assert.deepEqual([seen[0], seen.at(-1)], ["start", "complete"]);
  assert.partialDeepStrictEqual(last, { ok: false, status: "system", stdout: "up\n" });
  await until("no process of the run", () => processesWith(marker).length === 0);
});

test("a runner that is stopped ends its runs", async () => {
  const marker = randomUUID();
  const run = docle.post(endless(marker));
  await until("the program's start", () => processesWith(marker).length > 0);
  await docle.runner.end();
  const response = await run;
  const result = (await response.json()) as RunResult;
  assert.ok(response.status === 503 || result.status === "system", JSON.stringify(result));
  await until("no process of the run", () => processesWith(marker).length === 0);
});

test("the result of a run outlives the runner", async () => {
  const { id } = await docle.run(quick);
  await docle.runner.kill();
  const response = await docle.fetch(`/api/run/${id}`);
  assert.equal(((await response.json()) as RunResult).stdout, "1\n");
});
