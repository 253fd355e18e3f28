//! The code interpreter as its users meet it: the real runner behind the real Worker.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { readEvents } from "../harness/events.ts";
import { json, type Json, sandboxApi } from "../harness/sandbox-api.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);

const context = async (sandbox: string, settings: Json = {}) => `${sandbox}/contexts/${(await json(201, await call("POST", `${sandbox}/contexts`, settings))).id}`;
const run = async (at: string, code: string, more: Json = {}) => json(200, await call("POST", `${at}/run`, { code, ...more }));
const code = async (sandbox: string, text: string, more: Json = {}) => json(200, await call("POST", `${sandbox}/code`, { code: text, ...more }));

describe("cells", () => {
  test("a context keeps what a cell has made, and answers with all that it shows", async () => {
    const sandbox = await create();
    const python = await context(sandbox, { language: "python", env: { A: "1" } });
    const first = await run(python, "import os\nx = [1, 2]\nprint(os.environ['A'])\nx");
    assert.deepEqual(
      [first.stdout, first.results, first.error, first.executionCount, first.success, first.status],
      ["1\n", [{ main: true, text: "[1, 2]", json: [1, 2] }], null, 1, true, "success"],
    );
    assert.ok(first.startMs > 0 && first.durationMs > 0 && first.usage.memMB > 0, JSON.stringify(first));
    const second = await run(python, "from IPython.display import HTML, display\ndisplay(HTML('<b>b</b>'))\nsum(x)");
    assert.deepEqual(second.results.map(({ main, html, text }: Json) => [main, html ?? text]), [[false, "<b>b</b>"], [true, "3"]]);
    assert.deepEqual([second.executionCount, second.startMs], [2, undefined]);
    const failed = await run(python, "def f():\n    raise ValueError('boo')\nf()");
    assert.deepEqual([failed.error.name, failed.error.message, failed.success, failed.status, failed.contextLost], ["ValueError", "boo", false, "error", false]);
    assert.deepEqual((await json(200, await call("GET", `${sandbox}/contexts`))).contexts.map(({ id, executionCount }: Json) => [id, executionCount]), [[python.split("/").at(-1), 3]]);
  });

  test("a language without a context has one of its own", async () => {
    const sandbox = await create();
    await code(sandbox, "x = 1");
    assert.equal((await code(sandbox, "x + 1")).results[0].text, "2");
    assert.equal((await code(sandbox, "const x: number = 5; x", { language: "typescript" })).results[0].text, "5");
    assert.equal((await code(sandbox, "typeof x", { language: "js" })).results[0].text, "'undefined'");
    assert.equal((await problem(400, await call("POST", `${sandbox}/code`, { code: "1", language: "cobol" }))).errors?.[0]?.field, "language");
    const listed = (await json(200, await call("GET", `${sandbox}/contexts`))).contexts;
    assert.deepEqual(listed.map(({ id }: Json) => id), ["default-python", "default-typescript", "default-javascript"]);
  });

  test("events come while the cell runs, in their order", async () => {
    const sandbox = await create();
    const response = await call("POST", `${sandbox}/code`, { code: "print('a')\ndisplay(1)\nprint('b')\nimport os\nos.system('echo c')\n1 / 0" }, { accept: "text/event-stream" });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const events: Json[] = [];
    for await (const { data } of readEvents(response)) events.push(data);
    const seen = events.map((event) => event.data ?? event.result?.text ?? event.error?.name ?? event.type);
    assert.deepEqual([seen[0], seen.at(-1), seen.slice(1, -1).join("")], ["start", "complete", "a\n1b\nc\nZeroDivisionError"]);
    assert.deepEqual([events.at(-1)?.status, events.at(-1)?.results], ["error", []]);
  });

  test("a client that leaves interrupts its cell, and the state stays", async () => {
    const sandbox = await create();
    const response = await call("POST", `${sandbox}/code`, { code: "x = 5\nprint('on')\nwhile True: pass" }, { accept: "text/event-stream" });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: stdout")) text += (await reader.read()).value ?? assert.fail(text);
    await reader.cancel();
    assert.equal((await code(sandbox, "x")).results[0].text, "5");
    await until("the record of the cell", async () => {
      const { executions } = await json(200, await call("GET", `${sandbox}/executions`));
      return executions.some(({ status, command }: Json) => status === "killed" && command.startsWith("x = 5"));
    });
  });

  test("limits are results, and the next cell works", async () => {
    const sandbox = await create({ runtime_config: { memoryMB: 128, diskMB: 16 } });
    const late = await code(sandbox, "x = 1\nwhile True: pass", { timeoutMs: 300 });
    assert.deepEqual([late.timedOut, late.status, late.error.name, late.contextLost], [true, "timeout", "Timeout", false]);
    const long = await code(sandbox, "print('x' * 100_000)\nx", { maxOutputBytes: 1024 });
    assert.deepEqual([long.stdout.length, long.truncated, long.results[0].text], [1024, { stdout: true, stderr: false, results: false }, "1"]);
    const large = await code(sandbox, "y = bytearray(400_000_000)\ny[::4096] = b'a' * len(y[::4096])");
    assert.deepEqual([large.status, large.error.name, large.contextLost], ["memory", "OutOfMemory", true]);
    const gone = await code(sandbox, "x");
    assert.deepEqual([gone.error.name, gone.executionCount, gone.startMs > 0], ["NameError", 1, true]);
    assert.equal((await code(sandbox, "import os\nos._exit(7)")).error.name, "ContextExited");
    assert.equal((await code(sandbox, "40 + 2")).results[0].text, "42");
  });

  test("a large result comes whole", async () => {
    const sandbox = await create();
    const { results } = await code(sandbox, "class P:\n    def __repr__(self): return 'P'\n    def _repr_png_(self): return bytes(3_000_000)\nP()");
    assert.equal(Buffer.from(results[0].png, "base64").length, 3_000_000);
  });
});

describe("contexts", () => {
  test("are interrupted, restarted and deleted", async () => {
    const sandbox = await create();
    const at = await context(sandbox);
    await run(at, "x = 1");
    const running = run(at, "import time\nopen('/tmp/on', 'w').close()\ntime.sleep(60)");
    await until("its start", async () => (await json(200, await call("POST", `${sandbox}/exec`, { command: "test -e /tmp/on" }))).exitCode === 0);
    assert.equal((await call("POST", `${at}/interrupt`)).status, 204);
    assert.equal((await running).error.name, "Interrupted");
    assert.equal((await run(at, "x")).results[0].text, "1");
    assert.equal((await json(200, await call("POST", `${at}/restart`))).executionCount, 0);
    assert.equal((await run(at, "x")).error.name, "NameError");
    assert.equal((await call("DELETE", at)).status, 204);
    for (const [method, path] of [["DELETE", at], ["POST", `${at}/restart`], ["POST", `${at}/interrupt`]] as const) {
      assert.equal((await problem(404, await call(method, path))).code, "context_not_found");
    }
    assert.equal((await problem(404, await call("POST", `${at}/run`, { code: "1" }))).code, "context_not_found");
    assert.equal((await problem(404, await call("POST", `${sandbox}/contexts`, { cwd: "/nonesuch" }))).code, "file_not_found");
  });

  test("end with sleep, which is said", async () => {
    const sandbox = await create();
    const at = await context(sandbox);
    await run(at, "open('kept', 'w').write('kept')");
    assert.equal((await json(200, await call("POST", `${sandbox}/sleep`))).status, "sleeping");
    assert.deepEqual((await json(200, await call("GET", `${sandbox}/contexts`))).contexts, []);
    assert.equal((await problem(404, await call("POST", `${at}/run`, { code: "1" }))).code, "context_not_found");
    assert.equal((await json(200, await call("GET", sandbox))).status, "sleeping");
    const woken = await code(sandbox, "open('kept').read()");
    assert.deepEqual([woken.results[0].text, woken.executionCount], ["'kept'", 1]);
  });

  test("stay when the object is taken out of memory, also while a cell runs", async () => {
    const sandbox = await create();
    await code(sandbox, "x = 1");
    const running = call("POST", `${sandbox}/code`, { code: "import time\nx = 2\nopen('/tmp/on', 'w').close()\ntime.sleep(0.5)\nx = 3" }).catch((error: unknown) => error);
    await until("its start", async () => (await json(200, await call("POST", `${sandbox}/exec`, { command: "test -e /tmp/on" }))).exitCode === 0);
    await docle.worker.reset();
    await running;
    assert.match((await code(sandbox, "x")).results[0].text, /^[23]$/);
  });

  test("of another sandbox or project are never seen", async () => {
    const [one, two] = await Promise.all([create(), create()]);
    const at = await context(one);
    const id = at.split("/").at(-1);
    assert.equal((await problem(404, await call("POST", `${two}/contexts/${id}/run`, { code: "1" }))).code, "context_not_found");
    assert.deepEqual((await json(200, await call("GET", `${two}/contexts`))).contexts, []);
    assert.equal((await docle.fetch(`${one}/contexts`)).status, 401);
  });
});
