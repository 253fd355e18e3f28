//! A container's life: started when it is needed, kept while it is used, found again, put to sleep, ended.

import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { until } from "../harness/until.ts";

const PROJECT = "pool:proj_dev";
const quick = { lang: "python", code: "print(1)" };

const platform = { grants: "platform" } as const;

/** The state of a RunPool object. */
interface State {
  container: boolean;
  instance: string | null;
  slots: number;
  running: number;
  queued: number;
}

const state = (docle: Docle) => docle.worker.pool(PROJECT, "state") as Promise<State>;

describe("a container", () => {
  let docle: Docle;
  afterEach(() => docle.stop());

  test("is started for a first run, which says how long it waited, and used again", async () => {
    docle = await Docle.contained();
    assert.deepEqual(await state(docle), { container: false, instance: null, slots: 0, running: 0, queued: 0 });
    const health = (await (await docle.fetch("/health")).json()) as { status: string; backend: object };
    assert.deepEqual([health.status, health.backend], ["ok", { kind: "container", reachable: true, runner: null }]);
    assert.equal(docle.containers.boxes().length, 0, "nothing is started to be asked how it is");

    const first = await docle.run(quick);
    assert.equal(first.stdout, "1\n");
    assert.ok(first.usage.queueMs > 100, `${first.usage.queueMs} ms include the start`);
    const { instance, slots } = await state(docle);
    assert.ok(instance && slots > 0);
    assert.ok((await docle.run(quick)).usage.queueMs < first.usage.queueMs);
    assert.equal(docle.containers.boxes().length, 1);
    assert.equal((await state(docle)).instance, instance);
  });

  test("sleeps when nobody needs it, and wakes", async () => {
    docle = await Docle.contained({ SLEEP_AFTER_S: "2" }, platform);
    await docle.run(quick);
    const { instance } = await state(docle);
    await until("the container's end", async () => !(await state(docle)).container, 20);
    assert.equal((await docle.run(quick)).stdout, "1\n");
    assert.notEqual((await state(docle)).instance, instance);
  });

  test("does not sleep while a program runs", async () => {
    docle = await Docle.contained({ SLEEP_AFTER_S: "1" }, platform);
    const result = await docle.run({ lang: "python", code: "import time; time.sleep(4); print(1)", policy: { timeoutMs: 20_000 } });
    assert.partialDeepStrictEqual(result, { status: "success", stdout: "1\n" });
    await until("the container's end", () => docle.containers.running().length === 0, 20);
  });

  test("is found again by an object that was evicted", async () => {
    docle = await Docle.contained();
    await docle.run(quick);
    const { instance } = await state(docle);
    await docle.worker.evict("RunPool", PROJECT);
    assert.equal((await docle.run(quick)).stdout, "1\n");
    assert.equal((await state(docle)).instance, instance);
    assert.equal(docle.containers.boxes().length, 1);
  });

  test("is ended when it is told to, again and again, and another one comes", async () => {
    docle = await Docle.contained();
    await docle.worker.pool(PROJECT, "destroy");
    await docle.run(quick);
    await docle.worker.pool(PROJECT, "destroy");
    await docle.worker.pool(PROJECT, "destroy");
    assert.equal((await state(docle)).container, false);
    assert.equal(docle.containers.running().length, 0);
    assert.equal((await docle.run(quick)).stdout, "1\n");
  });
});

describe("a secret", async () => {
  const docle = await Docle.contained({ POOL_MAX_INSTANCES: "2" });
  after(() => docle.stop());

  test("is a container's own, and in no log", async () => {
    const secrets = new Set<string>();
    for (let again = 0; again < 2; again++) {
      await docle.run(quick);
      secrets.add(docle.hidden().secret);
      await docle.worker.pool(PROJECT, "destroy");
    }
    assert.equal(secrets.size, 2);
    for (const secret of secrets) {
      assert.match(secret, /^[0-9a-f]{32}$/);
      assert.ok(!docle.worker.logs.some((line) => line.includes(secret)));
    }
    const image = docle.containers.docker("image", "inspect", "--format", "{{json .Config.Env}}", docle.containers.settings.image);
    assert.doesNotMatch(image, /SECRET/);
  });
});

describe("a long stream", async () => {
  const docle = await Docle.contained({}, platform);
  after(() => docle.stop());

  test("outlasts the time after which idle objects are evicted", async () => {
    const code = "import time\nfor i in range(13):\n  print(i, flush=True); time.sleep(1)";
    const lines: string[] = [];
    for await (const { event, data } of await docle.stream({ lang: "python", code, policy: { timeoutMs: 60_000 } })) {
      if (event === "stdout") lines.push(String(data.data));
      if (event === "complete") assert.equal(data.status, "success", JSON.stringify([data, docle.worker.logs]));
    }
    assert.equal(lines.join(""), Array.from({ length: 13 }, (_, i) => `${i}\n`).join(""));
  });
});
