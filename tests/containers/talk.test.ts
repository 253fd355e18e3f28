//! Talking to a run in a real container: in any of the project's, and until the container goes.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, test } from "node:test";
import { openCall } from "../harness/caller.ts";
import { Docle } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { Talk } from "../harness/talk.ts";
import { until } from "../harness/until.ts";

let docle: Docle;
afterEach(() => docle.stop());

const echo = { lang: "python", code: "import sys\nfor line in sys.stdin: print(line.strip() + '!')", policy: { timeoutMs: 300_000 } };

async function talk(program: unknown): Promise<Talk> {
  const talk = new Talk(docle.worker.url, docle.worker.key);
  await talk.say(program);
  return talk;
}

test("what is typed finds its run in a further container of the project", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" }, { grants: "platform", places: 1 });
  const marker = randomUUID();
  const held = openCall(docle, { lang: "python", code: "import time; time.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 } });
  await until("its start", () => processesWith(marker).length > 0, 20);
  const one = await talk(echo);
  await one.type("a\n");
  await one.hears("a!\n");
  assert.deepEqual((await docle.runners()).map(({ running }) => running), [1, 1]);
  await one.end();
  assert.partialDeepStrictEqual(await one.over(), { type: "complete", status: "success", stdout: "a!\n" });
  held.leave();
  await until("no process of the run", () => processesWith(marker).length === 0);
});

test("a container that is killed while somebody talks ends the talk as a system result, and the next one works", async () => {
  docle = await Docle.contained({ POOL_MAX_INSTANCES: "1" }, { grants: "platform" });
  const one = await talk(echo);
  await one.type("a\n");
  await one.hears("a!\n");
  docle.containers.docker("kill", docle.containers.running()[0]?.id ?? "");
  assert.partialDeepStrictEqual(await one.over(), { type: "complete", ok: false, status: "system", stdout: "a!\n" });
  assert.equal(one.closed, 1_000);
  const state = async () => docle.worker.sandbox("project:proj_dev", { type: "state" }) as Promise<{ running: number }>;
  await until("its place to be free", async () => (await state()).running === 0);

  const next = await talk(echo);
  await next.type("b\n");
  await next.end();
  assert.partialDeepStrictEqual(await next.over(), { type: "complete", status: "success", stdout: "b!\n" });
});
