//! Batches: many runs in one call, each a run of its own.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle, type RunResult } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

interface BatchRun {
  index: number;
  result?: RunResult;
  error?: { code: string; message: string };
}

const policy = { timeoutMs: 20_000 };

function post(body: unknown, init: RequestInit = {}, key = docle.worker.key): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...init.headers };
  return docle.fetch("/api/run/batch", { method: "POST", ...init, headers, body: JSON.stringify(body) });
}

async function batch(body: unknown): Promise<BatchRun[]> {
  const answer = await post(body);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return (JSON.parse(text) as { results: BatchRun[] }).results;
}

test("one program with many inputs answers in the order of the inputs", async () => {
  const code = "import sys, os, time\ntime.sleep(0.3 if sys.argv[1:] == ['slow'] else 0)\nprint(input(), sys.argv[1:], os.environ.get('NAME'))";
  const inputs = [{ stdin: "a", args: ["slow"] }, { stdin: "b", env: { NAME: "n" } }, { stdin: "c" }];
  const results = await batch({ lang: "python", code, policy, inputs });
  assert.deepEqual(results.map(({ index }) => index), [0, 1, 2]);
  assert.deepEqual(results.map(({ result }) => result?.stdout), ["a ['slow'] None\n", "b [] n\n", "c [] None\n"]);
});

test("different programs run in one call, and one that fails does not end the others", async () => {
  const runs = [
    { lang: "python", code: "print(1)" },
    { lang: "python", code: "raise SystemExit(3)" },
    { lang: "node", code: "while (true);", policy: { timeoutMs: 500 } },
    { lang: "bash", code: "echo 4" },
  ];
  const results = await batch({ runs });
  assert.deepEqual(results.map(({ result }) => result?.status), ["success", "error", "timeout", "success"]);
});

test("events come in the order in which runs end", async () => {
  const code = "import time\ntime.sleep(float(input()))\nprint('done')";
  const inputs = [{ stdin: "2" }, { stdin: "0" }, { stdin: "0" }];
  const answer = await post({ lang: "python", code, policy, inputs }, { headers: { accept: "text/event-stream" } });
  const events = (await answer.text()).split("\n").filter((line) => line.startsWith("data: ")).map((line) => JSON.parse(line.slice(6)) as BatchRun & { type: string });
  assert.deepEqual(events.map(({ type }) => type), ["run", "run", "run", "complete"]);
  assert.equal(events[2]?.index, 0);
  assert.deepEqual(events[3], { type: "complete", succeeded: 3, failed: 0, refused: 0 });
});

test("a client that leaves ends the runs in progress and starts no others", async () => {
  const key = docle.worker.newKey();
  await docle.addProject("proj_left", key);
  const marker = `left-${crypto.randomUUID()}`;
  const inputs = Array.from({ length: 12 }, () => ({ args: [marker] }));
  const leave = new AbortController();
  const answer = await post({ lang: "python", code: "import time\ntime.sleep(600)", policy: { timeoutMs: 300_000 }, inputs }, { signal: leave.signal }, key);
  const reading = answer.text().catch(() => undefined);
  await until("programs that run", () => processesWith(marker).length > 0);
  leave.abort();
  await reading;
  await until("no program any more", () => processesWith(marker).length === 0);
  const list = async () => ((await (await docle.fetch("/api/runs", { headers: { authorization: `Bearer ${key}` } })).json()) as { history: { status: string }[] }).history;
  await until("the records of the runs that had begun", async () => (await list()).length > 0);
  await until("an idle runner", () => docle.idle());
  const history = await list();
  assert.ok(history.length <= 4 && history.every(({ status }) => status === "cancelled"), JSON.stringify(history));
});

test("a quota that is used up in the middle of a batch refuses the rest of it", async () => {
  const limited = await Docle.start({ QUOTA_CPU_SECONDS: "3" });
  try {
    const { key } = limited.worker;
    const burn = "import time\nbegin = time.process_time()\nwhile time.process_time() - begin < 0.6: pass";
    const inputs = Array.from({ length: 40 }, () => ({}));
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const body = JSON.stringify({ lang: "python", code: burn, policy: { timeoutMs: 60_000, cpuMs: 30_000 }, inputs });
    const answer = await limited.fetch("/api/run/batch", { method: "POST", headers, body });
    const { results } = (await answer.json()) as { results: BatchRun[] };
    const refused = results.filter(({ error }) => error?.code === "quota_exceeded");
    const ran = results.filter(({ result }) => result !== undefined);
    assert.equal(refused.length + ran.length, 40);
    assert.ok(ran.length >= 1 && refused.length >= 1, `${ran.length} ran, ${refused.length} were refused`);
  } finally {
    await limited.stop();
  }
});

/** Sends a batch, and leaves when the first of its runs has ended. */
async function leaveAfterFirst(body: object, headers: Record<string, string>): Promise<void> {
  const leaves = new AbortController();
  const first = await post(body, { headers: { ...headers, accept: "text/event-stream" }, signal: leaves.signal });
  const reader = first.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("event: run")) text += (await reader.read()).value ?? assert.fail(text);
  leaves.abort();
}

test("runs that were being sent when the client of a batch left ended as failures of the service", async () => {
  for (let round = 0; round < 5; round++) {
    const body = { lang: "python", code: "import time\nprint(input(), flush=True)\ntime.sleep(0.1)", policy, inputs: Array.from({ length: 8 }, (_, index) => ({ stdin: `${index}` })) };
    const headers = { "idempotency-key": `left-${process.pid}-${round}` };
    // The next ones are being sent in this moment.
    await leaveAfterFirst(body, headers);
    const { results } = (await (await post(body, { headers })).json()) as { results: BatchRun[] };
    assert.deepEqual(results.map(({ result, error }) => result?.status ?? error), Array(8).fill("success"));
  }
});

test("a batch that is sent again with its key runs each program once, also after its client has left", async () => {
  const [marker, begun] = [`again-${process.pid}`, Date.now()];
  const body = { lang: "python", code: "import sys, time\nprint(input(), flush=True)\ntime.sleep(float(sys.argv[2]))", policy, inputs: Array.from({ length: 8 }, (_, index) => ({ stdin: `${index}`, args: [marker, index === 0 ? "1" : "0.2"] })) };
  const headers = { "idempotency-key": marker };
  await leaveAfterFirst(body, headers);
  const again = async () => ((await (await post(body, { headers })).json()) as { results: BatchRun[] }).results;
  const [second, third] = [await again(), await again()];
  assert.deepEqual(second.map(({ result, error }) => result?.stdout ?? error), body.inputs.map(({ stdin }) => `${stdin}\n`));
  assert.deepEqual(third.map(({ result }) => result?.id), second.map(({ result }) => result?.id));
  const listed = async () => ((await (await docle.fetch(`/api/runs?from=${begun}&limit=100`, { headers: { authorization: `Bearer ${docle.worker.key}` } })).json()) as { history: { id: string }[] }).history.map(({ id }) => id);
  await until("the runs in the list", async () => (await listed()).length >= 8);
  assert.deepEqual((await listed()).toSorted(), second.map(({ result }) => result!.id).toSorted());
  const other = ((await (await post({ ...body, code: "print(2)" }, { headers })).json()) as { results: BatchRun[] }).results;
  assert.deepEqual(other.map(({ error }) => error?.code), Array(8).fill("idempotency_key_reused"));
});
