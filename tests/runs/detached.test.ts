//! Detached runs: they go on without their caller, through resets of objects and restarts of the service.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { own } from "../../scripts/setup/paths.mjs";
import { Docle, problem, type RunResult } from "../harness/docle.ts";
import { readEvents } from "../harness/events.ts";
import { processesWith, Runner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";
import { startWorker, type Worker } from "../harness/worker.ts";

const docle = await Docle.start();
after(() => docle.stop());

const POOL = "pool:proj_dev";
const authorization = `Bearer ${docle.worker.key}`;
const quick = { lang: "python", code: "print(input(), __import__('os').environ['TOKEN'][::-1])", stdin: "hello", env: { TOKEN: "terces-hsuh" }, detach: true };
const endless = (marker: string) => ({ lang: "python", code: "import time\nprint('so far', flush=True)\ntime.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 }, detach: true });
const sleeping = (seconds: number, marker: string) => ({ lang: "python", code: `import time\ntime.sleep(${seconds})\nprint('done')`, args: [marker], policy: { timeoutMs: 60_000 }, detach: true });

interface Pending {
  id: string;
  status: string;
}

async function detach(body: unknown, init: RequestInit = {}): Promise<Pending> {
  const answer = await docle.post(body, init);
  assert.equal(answer.status, 202, await answer.clone().text());
  const pending = (await answer.json()) as Pending;
  assert.equal(answer.headers.get("location"), `/api/run/${pending.id}`);
  assert.equal(answer.headers.get("x-docle-run-id"), pending.id);
  return pending;
}

async function read(id: string, worker: Worker = docle.worker): Promise<RunResult> {
  const answer = await fetch(`${worker.url}/api/run/${id}`, { headers: { authorization: `Bearer ${worker.key}` } });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as RunResult;
}

const isPending = (run: { status: string }) => ["queued", "installing", "compiling", "running"].includes(run.status);

/** The result, when the run has ended. */
async function ended(id: string, worker: Worker = docle.worker, seconds = 30): Promise<RunResult> {
  let run = await read(id, worker);
  await until(`the end of ${id}`, async () => !isPending((run = await read(id, worker))), seconds);
  return run;
}

/** What the pool of the project does. */
const stored = (worker: Worker = docle.worker) => worker.pool(POOL, "state") as Promise<{ running: number; queued: number }>;

afterEach(async () => {
  await until("an empty pool", async () => {
    const { running, queued } = await stored();
    return running + queued === 0;
  });
});

test("a detached run ends without its caller, and is read by its id like every run", async () => {
  const { id, status } = await detach(quick);
  assert.ok(isPending({ status }));
  const result = await ended(id);
  assert.deepEqual([result.status, result.stdout], ["success", "hello hush-secret\n"]);
  const anybody = await docle.fetch(`/api/run/${id}`);
  assert.equal(((await anybody.json()) as RunResult).stdout, result.stdout);
});

test("runs that have not ended are listed, with those that have", async () => {
  const marker = "listed-while-it-runs";
  const { id } = await detach(endless(marker));
  const list = async (query: string) => (await (await docle.fetch(`/api/runs${query}`, { headers: { authorization } })).json()) as { pending: { id: string; status: string }[]; history: { id: string }[] };
  await until("its program", async () => processesWith(marker).length > 0);
  const [all, running, queued] = [await list(""), await list("?status=running"), await list("?status=queued")];
  assert.deepEqual([all, running].map(({ pending }) => pending.map((run) => [run.id, run.status])), [[[id, "running"]], [[id, "running"]]]);
  assert.deepEqual([queued.pending, running.history], [[], []]);
  assert.ok(all.history.length > 0 && all.history.every((run) => run.id !== id));
  await docle.fetch(`/api/run/${id}`, { method: "DELETE", headers: { authorization } });
  const after = await list("?limit=1");
  assert.deepEqual([after.pending, after.history[0]?.id], [[], id]);
});

test("no answer about a detached run has its environment, and a stranger's id is as unknown as a made-up one", async () => {
  const { id } = await detach({ ...endless("env"), env: { TOKEN: "hush-hush" } });
  const state = async () => (await docle.fetch(`/api/run/${id}`, { headers: { authorization } })).text();
  // Python writes the end of a line apart.
  await until("the first line", async () => (await state()).includes("so far\\n"));
  const text = await state();
  assert.deepEqual(Object.keys(JSON.parse(text)).sort(), ["createdAt", "id", "output", "status"]);
  assert.deepEqual(JSON.parse(text).output, { stdout: "so far\n", stderr: "", stdoutOmittedBytes: 0, stderrOmittedBytes: 0 });
  const madeUp = `${id.slice(0, -4)}0000`;
  for (const unknown of [madeUp, "x"]) assert.equal((await problem(404, await docle.fetch(`/api/run/${unknown}`))).code, "run_not_found");
  const other = docle.worker.newKey();
  await docle.addProject("proj_other", other);
  const foreign = await docle.fetch(`/api/run/${id}`, { method: "DELETE", headers: { authorization: `Bearer ${other}` } });
  assert.equal((await problem(404, foreign)).code, "run_not_found");
  const cancelled = await docle.fetch(`/api/run/${id}`, { method: "DELETE", headers: { authorization } });
  const result = (await cancelled.json()) as RunResult;
  assert.deepEqual([result.status, result.stdout], ["cancelled", "so far\n"]);
  assert.ok(!JSON.stringify(result).includes("hush"));
});

test("fifty detached runs at once all run, once each", async () => {
  const begun = await Promise.all(Array.from({ length: 50 }, (_, number) => detach({ lang: "python", code: `print(${number})`, detach: true })));
  const results = await Promise.all(begun.map(({ id }) => ended(id, docle.worker, 120)));
  assert.deepEqual(
    results.map(({ stdout }) => stdout.trim()).sort(),
    Array.from({ length: 50 }, (_, number) => `${number}`).sort(),
  );
  assert.ok(results.every(({ ok }) => ok));
});

test("a detached run goes on for longer than the runtime keeps an idle object", async () => {
  const { id } = await detach(sleeping(16, "idle-marker"));
  await until("the program", () => processesWith("idle-marker").length > 0);
  // No call keeps the object in memory meanwhile.
  await until("the end of the program", () => processesWith("idle-marker").length === 0, 40);
  const result = await ended(id);
  assert.deepEqual([result.status, result.stdout], ["success", "done\n"]);
});

/** Cancels a run; answers with its result. */
async function cancel(id: string, worker: Worker = docle.worker): Promise<RunResult> {
  const answer = await fetch(`${worker.url}/api/run/${id}`, { method: "DELETE", headers: { authorization: `Bearer ${worker.key}` } });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as RunResult;
}

test("a detached run that ran was lost with its object when that was reset", async () => {
  const code = "import time\nprint('before', flush=True)\ntime.sleep(4)\nprint('after')";
  const { id } = await detach({ lang: "python", code, args: ["spanning-marker"], policy: { timeoutMs: 60_000 }, detach: true });
  await until("the program", () => processesWith("spanning-marker").length > 0);
  await docle.worker.reset();
  const result = await ended(id);
  assert.deepEqual([result.status, result.stdout], ["success", "before\nafter\n"]);
  assert.ok(result.usage.durationMs >= 4_000, `${result.usage.durationMs} ms`);
});

test("a reset of the objects loses no detached run, whether it runs or waits", async () => {
  const { slots } = (await docle.runners())[0] as { slots: number };
  const running = await Promise.all(Array.from({ length: slots }, (_, number) => detach(endless(`reset-${number}-marker`))));
  for (const [number, { id }] of running.entries()) {
    await until("a program", async () => (await read(id)).status === "running" && processesWith(`reset-${number}-marker`).length > 0);
  }
  const waiting = [];
  // The first of them may be on its way to the runner.
  for (let number = 0; number < 4; number++) waiting.push(await detach(quick));
  await docle.worker.reset();
  for (const [number, { id }] of running.entries()) {
    assert.ok(isPending(await read(id)));
    assert.equal(processesWith(`reset-${number}-marker`).length, 1, "it was begun once, and goes on");
    const { status, stdout } = await cancel(id);
    assert.deepEqual([status, stdout], ["cancelled", "so far\n"]);
  }
  const [first, ...others] = await Promise.all(waiting.map(({ id }) => ended(id)));
  assert.ok(["success", "system"].includes(first?.status ?? ""));
  assert.deepEqual(others.map(({ status }) => status), ["success", "success", "success"]);
  for (const number of running.keys()) assert.deepEqual(processesWith(`reset-${number}-marker`), [], "its program has ended");
});

test("a runner that is killed ends its detached run as a failure of the service", async () => {
  const { id } = await detach(endless("killed-marker"));
  await until("the program", async () => (await read(id)).status === "running");
  await docle.runner.kill();
  await docle.runner.restart();
  const result = await ended(id);
  assert.equal(result.status, "system");
  assert.equal((await ended((await detach(quick)).id)).status, "success", "the next one runs");
});

test("a call that is repeated with its key is one detached run, and answers with the result at last", async () => {
  const headers = { "idempotency-key": "detached-1" };
  const [one, two] = await Promise.all([detach(quick, { headers }), detach(quick, { headers })]);
  assert.equal(one.id, two.id);
  await ended(one.id);
  const again = await docle.post(quick, { headers });
  const result = (await again.json()) as RunResult;
  assert.deepEqual([again.status, again.headers.get("idempotent-replay"), result.id, result.status], [200, "true", one.id, "success"]);
  assert.equal((await problem(422, await docle.post({ ...quick, stdin: "other" }, { headers }))).code, "idempotency_key_reused");
});

test("what a detached run cannot be is refused, with the way out", async () => {
  const stream = await problem(400, await docle.post(quick, { headers: { accept: "text/event-stream" } }));
  assert.match(JSON.stringify(stream.errors), /"detach".*GET \/api\/run\/:id/);
  const inline = await problem(400, await docle.post({ ...quick, artifacts: ["*.png"], artifactsInline: true }));
  assert.equal(inline.errors?.[0]?.field, "artifactsInline");
  const script = await problem(400, await docle.post({ tier: "isolate", lang: "javascript", code: "1", detach: true }));
  assert.equal(script.errors?.[0]?.field, "detach");
});

test("a detached run is followed from any place in its output, live and when it has ended", async () => {
  const code = "import time\nprint('one', flush=True)\ntime.sleep(1)\nprint('two', flush=True)\ntime.sleep(1)\nprint('three')";
  const { id } = await detach({ lang: "python", code, detach: true });
  const follow = (lastEventId?: string) => {
    const headers = { authorization, accept: "text/event-stream", ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
    return docle.fetch(`/api/run/${id}`, { headers });
  };
  /** The output of a stream, and its last event. */
  const whole = async (answer: Response) => {
    let [text, last] = ["", ""];
    for await (const { event, data } of readEvents(answer)) {
      if (event === "stdout") text += data.data as string;
      last = JSON.stringify([event, data.status, data.stdout]);
    }
    return [text, last];
  };
  const complete = (text: string) => [text, JSON.stringify(["complete", "success", "one\ntwo\nthree\n"])];
  const [live, resumed] = await Promise.all([follow().then(whole), follow("4-0").then(whole)]);
  assert.deepEqual(live, complete("one\ntwo\nthree\n"));
  assert.deepEqual(resumed, complete("two\nthree\n"));
  await ended(id);
  assert.deepEqual(await whole(await follow()), complete("one\ntwo\nthree\n"));
  assert.deepEqual(await whole(await follow("8-0")), complete("three\n"));
  assert.equal((await follow("14-0-end")).status, 204);
  assert.equal((await problem(400, await follow("x"))).errors?.[0]?.field, "Last-Event-ID");
});

test("a follower of a run whose objects are reset gets its end", async () => {
  const { id } = await detach(endless("follower-marker"));
  await until("the program", async () => (await read(id)).status === "running");
  const events = readEvents(await docle.fetch(`/api/run/${id}`, { headers: { authorization, accept: "text/event-stream" } }));
  assert.equal((await events.next()).value?.event, "start");
  // The program may write the line in two pieces.
  let text = "";
  while (text.length < "so far\n".length) text += (await events.next()).value?.data.data;
  assert.equal(text, "so far\n");
  await docle.worker.reset();
  await cancel(id);
  const rest = [];
  for await (const { event, data } of events) rest.push([event, data.status]);
  assert.deepEqual(rest.at(-1), ["complete", "cancelled"]);
});

test("a service that is killed and started again goes on with the detached runs that wait", async (context) => {
  mkdirSync(join(own, "tmp"), { recursive: true });
  const state = join(mkdtempSync(join(own, "tmp", "detached-")), "v3");
  context.after(() => rmSync(join(state, ".."), { recursive: true, force: true }));
  const runner = await Runner.start();
  context.after(() => runner.stop());
  const vars = { SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret };
  const before = await startWorker(vars, { state });
  const post = async (worker: Worker, body: unknown) => {
    const headers = { authorization: `Bearer ${before.key}`, "content-type": "application/json" };
    const answer = await fetch(`${worker.url}/api/run`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 202);
    return ((await answer.json()) as Pending).id;
  };
  const { slots } = await runner.health();
  const running = [];
  for (let number = 0; number < slots; number++) running.push(await post(before, endless(`service-${number}-marker`)));
  for (const id of running) await until("a program", async () => (await read(id, before)).status === "running");
  const waiting = [await post(before, quick), await post(before, quick), await post(before, quick)];
  await before.kill();
  const next = await startWorker(vars, { state });
  context.after(() => next.stop());
  for (const id of running) {
    const { status, stdout } = await cancel(id, next);
    assert.deepEqual([status, stdout], ["cancelled", "so far\n"]);
  }
  const statuses = (await Promise.all(waiting.map((id) => ended(id, next)))).map(({ status }) => status);
  assert.deepEqual(statuses.slice(1), ["success", "success"]);
});
