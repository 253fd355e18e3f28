//! Processes in the background as their users meet them: the real runner behind the real Worker.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { json, type Json, sandboxApi } from "../harness/sandbox-api.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);

const start = async (sandbox: string, command: string, more: Json = {}) => json(201, await call("POST", `${sandbox}/processes`, { command, ...more }));
const wait = async (process: string, what: Json = {}) => json(200, await call("POST", `${process}/wait`, what));

interface Event {
  id: string;
  type: string;
  data: Json;
}

/** Of all tests of a group: a stream that never ends is a failure. */
const TIME_LIMIT = { timeout: 120_000 };

/** The events of a log, until they end or `count` have come. */
async function events(process: string, { after, count = Infinity }: { after?: string; count?: number } = {}): Promise<Event[]> {
  const response = await call("GET", `${process}/logs`, undefined, { accept: "text/event-stream", ...(after === undefined ? {} : { "last-event-id": after }) });
  assert.equal(response.status, 200);
  const found: Event[] = [];
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks.filter((block) => !block.startsWith(":"))) {
      const [, id = "", type = "", data = ""] = block.match(/^id: (.*)\nevent: (.*)\ndata: (.*)$/) ?? assert.fail(block);
      found.push({ id, type, data: JSON.parse(data) as Json });
      if (found.length === count) return found;
    }
  }
  return found;
}

const textOf = (all: Event[]) => all.filter(({ type }) => type === "stdout").map(({ data }) => data.data).join("");

describe("processes", TIME_LIMIT, () => {
  test("a server is started, waited for, asked and ended", async () => {
    const sandbox = await create();
    const server = await start(sandbox, "python3 -u -m http.server 8000", { name: "web", env: { A: "1" } });
    assert.deepEqual([server.status, server.name, server.exitCode, server.cwd], ["running", "web", null, "/workspace"]);
    const process = `${sandbox}/processes/${server.id}`;
    assert.equal((await wait(process, { port: 8000 })).outcome, "listening");
    const line = await wait(process, { regex: "port (\\d+)" });
    assert.deepEqual([line.outcome, line.groups], ["line", ["8000"]]);
    assert.match((await json(200, await call("POST", `${sandbox}/exec`, { command: "curl -s localhost:8000" }))).stdout, /Directory listing/);
    assert.match((await json(200, await call("GET", `${process}/logs`))).stderr, /GET \/ HTTP/);
    const [waiting, killed] = await Promise.all([wait(process), call("DELETE", process).then((response) => json(200, response))]);
    assert.deepEqual([killed.status, killed.signal, waiting.outcome, waiting.process.status], ["killed", "SIGTERM", "exited", "killed"]);
    assert.equal((await problem(409, await call("POST", `${process}/signal`, { signal: "SIGINT" }))).code, "process_ended");
    assert.equal((await json(200, await call("DELETE", `${process}?forget=true`))).status, "killed");
    assert.equal((await problem(404, await call("GET", process))).code, "process_not_found");
  });

  test("a reader that comes back misses nothing, and the object may be reset meanwhile", async () => {
    const sandbox = await create();
    const started = await start(sandbox, "while read line; do for i in {1..2000}; do echo $line-$i; done; done", { stdin: true });
    const process = `${sandbox}/processes/${started.id}`;
    const write = (body: Json) => call("POST", `${process}/stdin`, body);
    await json(200, await write({ data: "a\n" }));
    const first = await events(process, { count: 1 });
    // The stream of this reader is open while the object goes.
    const open = await call("GET", `${process}/logs`, undefined, { accept: "text/event-stream" });
    await docle.worker.reset();
    assert.match(await open.text(), /event: error\ndata: \{"type":"error","message":"[^"]*Last-Event-ID/);
    await json(200, await write({ data: "b\n", close: true }));
    const rest = await events(process, { after: first.at(-1)!.id });
    const expected = ["a", "b"].flatMap((letter) => Array.from({ length: 2_000 }, (_, i) => `${letter}-${i + 1}\n`)).join("");
    assert.equal(textOf(first) + textOf(rest), expected);
    assert.deepEqual([rest.at(-1)?.type, rest.at(-1)?.data.process.exitCode], ["exit", 0]);
    const end = rest.at(-1)!.id;
    assert.equal((await call("GET", `${process}/logs`, undefined, { accept: "text/event-stream", "last-event-id": end })).status, 204);
    const logs = await json(200, await call("GET", `${process}/logs?after=${first.at(-1)!.id}`));
    assert.equal(textOf(first) + logs.stdout, expected);
    assert.equal((await problem(409, await write({ data: "c" }))).code, "process_ended");
  });

  test("what cannot be done has a code, and a bad body names its field", async () => {
    const sandbox = await create();
    assert.equal((await problem(404, await call("POST", `${sandbox}/processes`, { command: "ls", cwd: "/none" }))).code, "file_not_found");
    const { id } = await start(sandbox, "sleep 300");
    const process = `${sandbox}/processes/${id}`;
    assert.equal((await problem(409, await call("POST", `${process}/stdin`, { data: "a" }))).code, "stdin_closed");
    assert.equal((await problem(400, await call("POST", `${process}/wait`, { regex: "(" }))).errors?.[0]?.field, "regex");
    assert.equal((await problem(400, await call("POST", `${process}/signal`, { signal: "SIGNONE" }))).errors?.[0]?.field, "signal");
    assert.equal((await problem(400, await call("POST", `${sandbox}/processes`, { command: "ls", tty: true }))).errors?.[0]?.field, "tty");
    assert.equal((await wait(process, { log: "never", timeoutMs: 1_200 })).outcome, "timeout");
    const all = await json(200, await call("DELETE", `${sandbox}/processes`));
    assert.deepEqual(all.processes.map(({ status }: Json) => status), ["killed"]);
  });

  test("processes end when the sandbox sleeps, and the question does not wake it", async () => {
    const sandbox = await create({ runtime_config: { sleepAfter: 1 } });
    const { id } = await start(sandbox, "while true; do date; sleep 0.1; done");
    await until("its sleep, though the process runs", async () => (await json(200, await call("GET", sandbox))).status === "sleeping");
    assert.deepEqual(await json(200, await call("GET", `${sandbox}/processes`)), { processes: [] });
    assert.equal((await problem(404, await call("GET", `${sandbox}/processes/${id}`))).code, "process_not_found");
    assert.equal((await json(200, await call("GET", sandbox))).status, "sleeping");
    assert.equal((await start(sandbox, "true")).status !== "failed", true);
  });

  test("a reader keeps a sandbox awake, until it leaves", async () => {
    const sandbox = await create({ runtime_config: { sleepAfter: 1 } });
    const { id } = await start(sandbox, "echo a; sleep 3; echo b; sleep 300");
    const all = await events(`${sandbox}/processes/${id}`, { count: 2 });
    assert.equal(textOf(all), "a\nb\n");
    await until("its sleep", async () => (await json(200, await call("GET", sandbox))).status === "sleeping");
  });
});
