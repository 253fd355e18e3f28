//! What becomes of runs whose object or whose Workers runtime goes while they run: an honest end, and nothing left over.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { own } from "../../scripts/setup/paths.mjs";
import { Docle, problem } from "../harness/docle.ts";
import type { RunEvent } from "../harness/events.ts";
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

/** The state of a RunPool object, as far as it matters here. */
interface State {
  instance: string | null;
  running: number;
  queued: number;
}

let docle: Docle;
afterEach(() => docle.stop());

const state = () => docle.worker.pool(PROJECT, "state") as Promise<State>;

/** A stream whose program is up: what has come of it so far, and what comes. */
async function begun(marker: string) {
  const events = await docle.stream(endless(marker));
  const seen: RunEvent[] = [];
  while (seen.at(-1)?.event !== "stdout") seen.push((await events.next()).value as RunEvent);
  return { seen, events };
}

/** Reads a stream to its end. */
async function rest({ seen, events }: Awaited<ReturnType<typeof begun>>): Promise<RunEvent[]> {
  for await (const event of events) seen.push(event);
  return seen;
}

/** No process is left, and no runner has anything to do. */
async function ended(...markers: string[]): Promise<void> {
  await until("no process of the runs", () => markers.every((marker) => processesWith(marker).length === 0));
  await until("no run in progress", () => docle.idle());
}

/** Nobody has a place, and nobody waits for one: what has not run by now is not going to. */
const IDLE = { running: 0, queued: 0 };
const failed = { ok: false, status: "system", stdout: "up\n" };

test("an object that is reset in the middle of a stream ends it as a system result, and finds its container again", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform" });
  const marker = randomUUID();
  const stream = await begun(marker);
  const { instance } = await state();
  await docle.worker.reset();
  const seen = await rest(stream);
  assert.deepEqual([...new Set(seen.map(({ event }) => event))], ["start", "stdout", "stderr", "complete"]);
  assert.partialDeepStrictEqual(seen.at(-1)?.data, failed);
  await ended(marker);
  assert.partialDeepStrictEqual(await state(), IDLE);
  assert.equal((await docle.run(quick)).stdout, "1\n");
  assert.equal((await state()).instance, instance);
});

test("so does each object of a pool, and who waited for a place is told that nothing ran", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, { grants: "platform", places: 1 });
  const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
  const streams = [await begun(first), await begun(second)];
  const waiting = docle.post(endless(third));
  await until("its place in the queue", async () => (await state()).queued === 1);
  await docle.worker.reset();
  for (const stream of streams) assert.partialDeepStrictEqual((await rest(stream)).at(-1)?.data, failed);
  const refused = await waiting;
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  assert.equal((await problem(503, refused)).code, "runner_unavailable");
  await ended(first, second, third);
  assert.partialDeepStrictEqual(await state(), IDLE);
  assert.deepEqual((await Promise.all([docle.run(quick), docle.run(quick)])).map(({ stdout }) => stdout), ["1\n", "1\n"]);
  assert.equal(docle.containers.boxes().length, 2);
});

test("a job is cancelled in all containers of a project, unless one has had it or that is unknown", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, { grants: "platform", places: 1 });
  const cancel = (id: string) => docle.worker.pool(PROJECT, { cancel: id });
  assert.equal(await cancel(randomUUID()), true, "there is no container");
  const [first, second] = [randomUUID(), randomUUID()];
  const streams = [await begun(first), await begun(second)];
  const ids = streams.map(({ seen }) => String(seen[0]?.data.id));
  await docle.worker.reset();
  for (const id of ids) assert.equal(await cancel(id), false, "a container has had it");
  assert.equal(await cancel(randomUUID()), true);
  await ended(first, second);
  for (const { id } of docle.containers.running()) docle.containers.docker("kill", id);
  await until("the containers' end", () => docle.containers.running().length === 0);
  assert.equal(await cancel(randomUUID()), false, "what the dead containers did is unknown");
  assert.equal((await docle.run(quick)).stdout, "1\n");
  await docle.worker.pool(PROJECT, "destroy");
  assert.equal(docle.containers.running().length, 0);
});

test("a runtime that is killed takes its runs along, and the next one works on what was stored", async () => {
  const stored = join(own, "tmp", `state-${randomUUID()}`);
  const vars = { POOL_MAX_INSTANCES: "1" };
  docle = await Docle.contained(vars, { grants: "platform" }, stored);
  try {
    const marker = randomUUID();
    const stream = await begun(marker);
    for (const pid of docle.worker.pids) process.kill(pid, "SIGKILL");
    await assert.rejects(rest(stream), "the connection breaks");
    // The container is still there: it is the runner that ends what nobody listens to any more.
    await ended(marker);
    assert.equal(docle.containers.running().length, 1);
    await docle.restart(vars, stored);
    assert.equal((await docle.run(quick)).stdout, "1\n");
    assert.equal(processesWith(marker).length, 0);
  } finally {
    rmSync(stored, { recursive: true, force: true });
  }
});
