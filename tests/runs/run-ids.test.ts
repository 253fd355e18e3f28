//! The same job never runs twice in a runner, whatever its caller does.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { events, job, post, PROTOCOL, readEvents, type End, type Event, type Job } from "../harness/jobs.ts";
import { processesWith, Runner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const runner = await Runner.start();
after(() => runner.stop());

/** What a job is answered with: a report and its output, or a refusal. */
type Body = Partial<End> & { stdout?: string; code?: string };

/** Sends a job; answers with the status and the body. */
async function send(one: Job, headers: Record<string, string> = {}) {
  const response = await post(runner, JSON.stringify(one), headers);
  const instance = response.headers.get("docle-instance");
  if (response.status !== 200) return { status: response.status, instance, body: (await response.json()) as Body };
  const all = await Array.fromAsync(readEvents(response));
  const stdout = all.map((event) => (event.type === "stdout" ? event.data : "")).join("");
  return { status: 200, instance, body: { ...ended(all), stdout } as Body };
}

/** The report at the end of a stream. */
function ended(all: Event[]): End {
  const last = all.at(-1);
  assert(last?.type === "complete", JSON.stringify(last));
  return last.report;
}

test("a job that is sent again is refused, and runs once", async () => {
  const one = job("python", "print(1)");
  assert.equal((await send(one)).body.stdout, "1\n");
  const again = await send(one);
  assert.deepEqual([again.status, again.body.code], [409, "duplicate"]);
});

test("of twenty at once one runs", async () => {
  const one = job("python", "print(1)");
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(one)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array.from({ length: 19 }, () => 409)]);
});

test("a job whose caller left does not run again", async () => {
  const marker = randomUUID();
  const one = job("python", "import time; time.sleep(600)", { args: [marker], limits: { timeoutMs: 300_000 } });
  const leaving = new AbortController();
  const { secret, url } = runner;
  const headers = { authorization: `Bearer ${secret}`, "docle-protocol": PROTOCOL, "content-type": "application/json" };
  const sent = fetch(`${url}/v1/runs`, { method: "POST", headers, body: JSON.stringify(one), signal: leaving.signal });
  await until("the program's start", () => processesWith(marker).length > 0);
  leaving.abort();
  await assert.rejects(sent.then((response) => response.text()));
  assert.equal((await send(one)).body.code, "duplicate");
  await until("the program's end", () => processesWith(marker).length === 0);
});

test("a job that is meant for another runner is refused, and may come to this one", async () => {
  const one = job("python", "print(1)");
  const refused = await send(one, { "docle-instance": "0000000000000000" });
  assert.deepEqual([refused.status, refused.body.code], [409, "other_instance"]);
  const health = (await (await fetch(`${runner.url}/health`)).json()) as { instance: string };
  assert.equal(health.instance, refused.instance);
  assert.equal((await send(one, { "docle-instance": health.instance })).body.stdout, "1\n");
});

test("what a job has waited elsewhere counts", async () => {
  const { body } = await send(job("python", "print(1)"), { "docle-queued": "1234" });
  const queueMs = body.usage?.queueMs ?? 0;
  assert.ok(queueMs >= 1_234 && queueMs < 11_234, `${queueMs}`);
});

test("a runner that was restarted is another one", async () => {
  const { instance } = await send(job("python", "print(1)"));
  await runner.kill();
  await runner.restart();
  assert.notEqual((await send(job("python", "print(1)"))).instance, instance);
});

test("a job that was cancelled before it came never runs, and one that has ended cannot be cancelled", async () => {
  const cancel = async (id: string, headers = { authorization: `Bearer ${runner.secret}`, "docle-protocol": PROTOCOL }) => {
    const response = await fetch(`${runner.url}/v1/runs/${id}`, { method: "DELETE", headers });
    return [response.status, ((await response.json().catch(() => ({}))) as { code?: string }).code];
  };
  const one = job("python", "print(1)");
  assert.deepEqual(await cancel(one.id, { authorization: "Bearer no", "docle-protocol": PROTOCOL }), [401, "unauthorized"]);
  assert.deepEqual(await cancel(one.id), [204, undefined]);
  assert.equal((await send(one)).body.code, "duplicate");
  const other = job("python", "print(1)");
  assert.equal((await send(other)).body.stdout, "1\n");
  assert.deepEqual(await cancel(other.id), [409, "duplicate"]);
});

test("a job that is cancelled while it runs ends with its output and what it used", async () => {
  const one = job("python", "print('up', flush=True)\nimport time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint('burnt', flush=True)\ntime.sleep(600)", { limits: { timeoutMs: 300_000 } });
  const all: Event[] = [];
  let status = 0;
  for await (const event of events(runner, one)) {
    all.push(event);
    if (event.type !== "stdout" || !event.data.includes("burnt")) continue;
    const headers = { authorization: `Bearer ${runner.secret}`, "docle-protocol": PROTOCOL };
    ({ status } = await fetch(`${runner.url}/v1/runs/${one.id}`, { method: "DELETE", headers }));
  }
  assert.equal(status, 202);
  const { status: end, exitCode, signal, usage } = ended(all);
  assert.deepEqual([end, exitCode, signal], ["cancelled", 137, "SIGKILL"]);
  assert.ok(usage.cpuMs > 250 && usage.memMB > 0 && usage.durationMs > 250, JSON.stringify(usage));
});
