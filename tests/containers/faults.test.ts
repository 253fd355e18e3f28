//! What may go wrong with containers, and what a caller sees of it: an honest result, and the next run works.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import { runnerIn } from "../harness/contained-runner.ts";
import { openCall } from "../harness/caller.ts";
import { Docle, type RunResult } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const PROJECT = "pool:proj_dev";
const quick = { lang: "python", code: "print(1)" };
const endless = (marker: string) => ({
  lang: "python",
  code: "import os, time\nos.write(1, b'up\\n')\nif os.fork() == 0: os.setsid()\ntime.sleep(600)",
  args: [marker],
  policy: { timeoutMs: 300_000 },
});

/** The runner's own process in a container, as the host numbers it. */
const runnerOf = (docle: Docle, id: string) => runnerIn(Number(docle.containers.docker("inspect", "--format", "{{.State.Pid}}", id)));

/** The result of a run that meets `fault` once its program is up. */
async function meets(docle: Docle, fault: (container: string) => void | Promise<void>): Promise<RunResult> {
  const marker = randomUUID();
  const run = docle.run(endless(marker));
  await until("the program's start", () => processesWith(marker).length > 0, 20);
  await fault(docle.containers.running()[0]?.id ?? "");
  const result = await run;
  await until("no process of the run", () => processesWith(marker).length === 0);
  return result;
}

const failed = { ok: false, status: "system", exitCode: 1 };

describe("with one container", () => {
  let docle: Docle;
  beforeEach(async () => void (docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform" })));
  // Whatever happened, the next run works.
  afterEach(async () => {
    assert.equal((await docle.run(quick)).stdout, "1\n");
    await docle.stop();
  });

  test("a container that is killed during a run is a system result", async () => {
    assert.partialDeepStrictEqual(await meets(docle, (id) => void docle.containers.docker("kill", id)), failed);
  });

  test("a container that is killed in the middle of a stream completes it as a system result", async () => {
    const marker = randomUUID();
    const seen: string[] = [];
    let last: Record<string, unknown> = {};
    for await (const { event, data } of await docle.stream(endless(marker))) {
      seen.push(event);
      last = data;
      if (event === "stdout") docle.containers.docker("kill", docle.containers.running()[0]?.id ?? "");
    }
    assert.deepEqual([seen[0], seen.at(-1)], ["start", "complete"]);
    assert.partialDeepStrictEqual(last, { ok: false, status: "system", stdout: "up\n" });
    await until("no process of the run", () => processesWith(marker).length === 0);
  });

  test("a runner that crashes is a system result", async () => {
    assert.partialDeepStrictEqual(await meets(docle, (id) => void process.kill(runnerOf(docle, id), "SIGKILL")), failed);
  });

  test("a runner that is stuck ends its run nevertheless, and is replaced", async () => {
    const marker = randomUUID();
    const run = docle.run({ ...endless(marker), policy: { timeoutMs: 500 } });
    await until("the program's start", () => processesWith(marker).length > 0, 20);
    const [stuck] = docle.containers.running();
    const pid = runnerOf(docle, stuck?.id ?? "");
    process.kill(pid, "SIGSTOP");
    assert.partialDeepStrictEqual(await run, failed);
    assert.equal((await docle.run(quick)).stdout, "1\n");
    await until("the stuck runner's end", () => !existsSync(`/proc/${pid}`));
  });

  test("a container that died between two runs is no failure at all", async () => {
    await docle.run(quick);
    docle.containers.docker("kill", docle.containers.running()[0]?.id ?? "");
    assert.partialDeepStrictEqual(await docle.run(quick), { status: "success", stdout: "1\n" });
  });

  test("an object that is destroyed during a run is a system result", async () => {
    const result = await meets(docle, async () => void (await docle.worker.pool(PROJECT, "destroy")));
    assert.partialDeepStrictEqual(result, failed);
  });

  test("a caller who leaves ends the run, also while the container is started", async () => {
    const marker = randomUUID();
    const early = openCall(docle, endless(marker));
    await until("a container's start", () => docle.containers.engine.started.length > 0);
    early.leave();
    const late = openCall(docle, endless(marker));
    await until("the program's start", () => processesWith(marker).length > 0, 20);
    late.leave();
    await until("no process of the runs", () => processesWith(marker).length === 0);
    await until("no run in progress", () => docle.idle());
  });

  test("two starts that fail are not noticed, but for the time", async () => {
    docle.containers.engine.failStarts = 2;
    assert.partialDeepStrictEqual(await docle.run(quick), { status: "success", stdout: "1\n" });
    assert.equal(docle.containers.engine.failStarts, 0);
  });

  test("starts that fail for good are said to be, with a time to come back", async () => {
    docle.containers.engine.failStarts = 100;
    const response = await docle.post(quick);
    assert.equal(response.status, 503, await response.clone().text());
    assert.ok(Number(response.headers.get("retry-after")) > 0);
    assert.equal(((await response.json()) as { code: string }).code, "runner_unavailable");
    docle.containers.engine.failStarts = 0;
  });
});

describe("an image of another release", async () => {
  // Answers everything as a runner of protocol 99 would.
  const server = "require('http').createServer((q, a) => a.setHeader('docle-protocol', '99').end('{}')).listen(8000)";
  const image = "docle-runner:other-protocol";
  const docle = await Docle.contained({}, { image, dockerfile: `FROM runner\nCMD ["/opt/node/bin/node", "-e", ${JSON.stringify(server)}]\n` });
  after(() => docle.stop());

  test("is named as such, and nothing is run", async () => {
    const refusal = await docle.refused(502, quick);
    assert.equal(refusal.code, "runner_mismatch");
    assert.ok(docle.worker.logs.some((line) => line.includes("99")), "the log says which");
  });
});

describe("memory that runs out", async () => {
  const docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform", memoryMB: 320 });
  after(() => docle.stop());

  test("is a program's own affair where its limit is what it met, and says nothing of a neighbour that kills itself", async () => {
    const suicide = await docle.stream({ lang: "python", code: "import os, time\nos.write(1, b'up')\ntime.sleep(3)\nos.kill(os.getpid(), 9)", policy: { timeoutMs: 30_000 } });
    let [greedy, last]: [RunResult | undefined, Record<string, unknown>] = [undefined, {}];
    for await (const { event, data } of suicide) {
      last = data;
      if (event === "stdout") greedy = await docle.run({ lang: "python", code: "x = b'x' * (200 << 20)", policy: { memoryMB: 100 } });
    }
    assert.equal(greedy?.status, "memory", JSON.stringify(greedy));
    assert.partialDeepStrictEqual(last, { status: "killed", signal: "SIGKILL" });
  });

  test("is not the program's fault, and the container is replaced", async () => {
    await docle.run(quick);
    const [before] = await docle.runners();
    const hungry = { lang: "python", code: "x = b'x' * (400 << 20)\nprint(len(x))", policy: { memoryMB: 1_024, timeoutMs: 30_000 } };
    const result = await docle.run(hungry);
    assert.equal(result.status, "system", JSON.stringify(result));
    const next = await docle.run(quick);
    assert.equal(next.stdout, "1\n", JSON.stringify(next));
    assert.notEqual((await docle.runners())[0]?.instance, before?.instance);
  });
});
