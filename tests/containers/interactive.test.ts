//! Interactive runs in a real container: in any of the project's, and until the container goes.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, test } from "node:test";
import { runnerIn } from "../harness/contained-runner.ts";
import { openCall } from "../harness/caller.ts";
import { Docle } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { InteractiveClient } from "../harness/interactive-client.ts";
import { until } from "../harness/until.ts";

let docle: Docle;
afterEach(() => docle.stop());

const echo = { lang: "python", code: "import sys\nfor line in sys.stdin: print(line.strip() + '!')", policy: { timeoutMs: 300_000 } };

async function open(program: unknown): Promise<InteractiveClient> {
  const client = new InteractiveClient(docle.worker.url, docle.worker.key);
  await client.say(program);
  return client;
}

/** Starts an interactive run and waits for its answer, so that the next run finds its slot taken. */
async function echoing(word: string, ...args: string[]): Promise<InteractiveClient> {
  const one = await open({ ...echo, args });
  await one.type(`${word}\n`);
  await one.hears(`${word}!\n`);
  return one;
}

/** What the project's object says of its runs. */
const state = () => docle.worker.pool("pool:proj_dev", "state") as Promise<{ running: number; queued: number }>;

/** No slot is taken: neither the object nor a runner knows of a run. */
async function idle(): Promise<void> {
  await until("every place to be free", async () => (await state()).running === 0 && (await docle.idle()), 20);
}

test("what is typed finds its run in a further container of the project", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, { grants: "platform", places: 1 });
  const marker = randomUUID();
  const held = openCall(docle, { lang: "python", code: "import time; time.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 } });
  await until("its start", () => processesWith(marker).length > 0, 20);
  const one = await echoing("a");
  assert.deepEqual((await docle.runners()).map(({ running }) => running), [1, 1]);
  await one.end();
  assert.partialDeepStrictEqual(await one.over(), { type: "complete", status: "success", stdout: "a!\n" });
  held.leave();
  await until("no process of the run", () => processesWith(marker).length === 0);
});

test("a container that is killed during an interactive run ends the run as a system result, and the next one works", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform" });
  const one = await echoing("a");
  docle.containers.docker("kill", docle.containers.running()[0]?.id ?? "");
  assert.partialDeepStrictEqual(await one.over(), { type: "complete", ok: false, status: "system", stdout: "a!\n" });
  assert.equal(one.closed, 1_000);
  await until("its place to be free", async () => (await state()).running === 0);

  const next = await open(echo);
  await next.type("b\n");
  await next.end();
  assert.partialDeepStrictEqual(await next.over(), { type: "complete", status: "success", stdout: "b!\n" });
});

test("a further container that is killed ends its own run alone, and its slot is given back", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, { grants: "platform", places: 1 });
  const [near, far] = [await echoing("near"), await echoing("far")];
  assert.equal((await state()).running, 2);
  docle.containers.docker("kill", docle.containers.running()[1]?.id ?? "");
  assert.partialDeepStrictEqual(await far.over(), { type: "complete", ok: false, status: "system", stdout: "far!\n" });
  assert.equal(far.closed, 1_000);
  await until("one place to be free", async () => (await state()).running === 1);

  const next = await echoing("next");
  await near.type("still\n");
  await near.hears("still!\n");
  for (const one of [near, next]) await one.end();
  assert.partialDeepStrictEqual(await near.over(), { status: "success", stdout: "near!\nstill!\n" });
  assert.partialDeepStrictEqual(await next.over(), { status: "success", stdout: "next!\n" });
  await idle();
});

test("a stuck runner ends its interactive run nevertheless, whatever is typed meanwhile, and the next one works", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform" });
  const one = await open({ ...echo, policy: { timeoutMs: 10_000 } });
  await one.type("a\n");
  await one.hears("a!\n");
  const stuck = docle.containers.running()[0]?.id ?? "";
  process.kill(runnerIn(Number(docle.containers.docker("inspect", "--format", "{{.State.Pid}}", stuck))), "SIGSTOP");
  for (let piece = 0; piece < 8; piece++) await one.type("x".repeat(1_000_000));
  assert.partialDeepStrictEqual(await one.over(), { type: "complete", ok: false, status: "system", stdout: "a!\n" });
  assert.equal(one.closed, 1_000);
  const next = await echoing("b");
  await next.end();
  assert.partialDeepStrictEqual(await next.over(), { status: "success", stdout: "b!\n" });
  await idle();
});

test("a client that leaves an interactive run in a further container ends it there", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, { grants: "platform", places: 1 });
  const marker = randomUUID();
  const [near, far] = [await echoing("near"), await echoing("far", marker)];
  far.leave();
  await until("no process of the run", () => processesWith(marker).length === 0);
  await until("one place to be free", async () => (await state()).running === 1);
  await near.end();
  assert.partialDeepStrictEqual(await near.over(), { status: "success" });
  await idle();
});

test("what is typed while a run waits for its slot is not lost", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform", places: 1 });
  const first = await echoing("first");
  const waiting = await open(echo);
  await until("its place in the queue", async () => (await state()).queued === 1);
  await waiting.type("early\n");
  await waiting.end();
  await first.end();
  assert.partialDeepStrictEqual(await first.over(), { status: "success" });
  assert.partialDeepStrictEqual(await waiting.over(), { status: "success", stdout: "early!\n" });
  await idle();
});

test("objects that are reset end interactive runs as system results, and nothing of a run is left", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, { grants: "platform", places: 1 });
  const markers = [randomUUID(), randomUUID()];
  const clients: InteractiveClient[] = [];
  for (const marker of markers) clients.push(await echoing("a", marker));
  await docle.worker.reset();
  for (const one of clients) {
    assert.partialDeepStrictEqual(await one.over(), { type: "complete", ok: false, status: "system", stdout: "a!\n" });
    assert.equal(one.closed, 1_000);
  }
  await until("no process of the runs", () => markers.every((marker) => processesWith(marker).length === 0));
  await idle();
  assert.equal((await docle.run({ lang: "python", code: "print(1)" })).stdout, "1\n");
});
