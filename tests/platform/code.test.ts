//! Cells on their own: the real runner behind the real Worker, an interpreter for each, and nothing that is kept.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { readEvents } from "../harness/events.ts";

const docle = await Docle.start();
after(() => docle.stop());

type Json = Record<string, any>;

function send(body: Json, headers: Record<string, string> = {}): Promise<Response> {
  return docle.fetch("/api/v1/code", { method: "POST", body: JSON.stringify(body), headers: { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json", ...headers } });
}

async function run(code: string, more: Json = {}): Promise<Json> {
  const response = await send({ code, ...more });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as Json;
}

describe("a cell on its own", () => {
  test("shows values, output and files, and keeps nothing", async () => {
    const first = await run("import os\nprint('on')\ndisplay(1)\nx = {'a': open('a.txt').read(), 'b': os.environ['B']}\nx", { files: [{ path: "a.txt", content: "text" }], env: { B: "2" } });
    assert.deepEqual([first.stdout, first.results, first.error], ["on\n", [{ main: false, text: "1" }, { main: true, text: "{'a': 'text', 'b': '2'}", json: { a: "text", b: "2" } }], null]);
    assert.deepEqual([first.status, first.success, first.executionCount, first.contextId, first.contextLost], ["success", true, 1, "fresh", false]);
    assert.ok(first.startMs > 0 && first.usage.memMB > 0, JSON.stringify(first));
    const second = await run("x");
    assert.deepEqual([second.error.name, second.status, second.success], ["NameError", "error", false]);
    assert.deepEqual((await run("import os\nsorted(os.listdir('.'))")).results[0].json, [], "the code itself is no file");
  });

  test("speaks JavaScript and TypeScript", async () => {
    const script = await run("const x = await Promise.resolve(20); console.log(x); [x + 1, typeof require]", { language: "javascript" });
    assert.deepEqual([script.stdout, script.results], ["20\n", [{ main: true, text: "[ 21, 'function' ]", json: [21, "function"] }]]);
    assert.equal((await run("const x: number = 5; x", { language: "ts" })).results[0].text, "5");
    const failed = await run("const f = () => { throw new TypeError('boom') }; f()", { language: "javascript" });
    assert.deepEqual([failed.error.name, failed.error.message], ["TypeError", "boom"]);
  });

  test("is a run: it has an id, a record and no results in it", async () => {
    const response = await send({ code: "print('on')\n1" });
    const { id } = (await response.json()) as Json;
    assert.equal(response.headers.get("x-docle-run-id"), id);
    const stored = (await (await docle.fetch(`/api/run/${id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } })).json()) as Json;
    assert.deepEqual([stored.status, stored.stdout, stored.input.code], ["success", "on\n", "print('on')\n1"]);
  });

  test("ends with a typed error, however it ends", async () => {
    const rows: [code: string, status: string, name: string, more?: Json][] = [
      ["while True: pass", "timeout", "Timeout", { timeoutMs: 500 }],
      ["import os\nos._exit(0)", "error", "ContextExited"],
      ["import os\nos._exit(7)", "error", "ContextExited"],
      ["import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "error", "ContextExited"],
      ["x = bytearray(400_000_000)\nx[::4096] = b'a' * len(x[::4096])", "memory", "OutOfMemory", { memoryMB: 64 }],
      ["import sys\nsys.exit(3)", "error", "SystemExit"],
      ["1 +", "error", "SyntaxError"],
      ["import os\nos.write(200, b'{}\\n')\nimport time\ntime.sleep(20)", "error", "ContextExited"],
      ["process.exit(0)", "error", "ContextExited", { language: "javascript" }],
      ["for (;;) {}", "timeout", "Timeout", { language: "javascript", timeoutMs: 500 }],
    ];
    for (const [code, status, name, more] of rows) {
      const cell = await run(code, more);
      assert.deepEqual([cell.status, cell.error?.name, cell.success, cell.results], [status, name, false, []], `${code} ${JSON.stringify(cell)}`);
    }
  });

  test("is over with its last line: threads and commands in the background end with it", async () => {
    const cell = await run("import subprocess, threading, time\nsubprocess.Popen(['sleep', '60'])\nthreading.Thread(target=time.sleep, args=(60,)).start()\n'done'", { timeoutMs: 20_000 });
    assert.deepEqual([cell.status, cell.results[0].text], ["success", "'done'"]);
  });

  test("cuts what is too long, and goes on", async () => {
    const cell = await run("print('x' * 100_000)\nfor i in range(1_100): display(i)\n'end'", { maxOutputBytes: 1_024 });
    assert.deepEqual([cell.stdout.length, cell.truncated, cell.results.length, cell.status], [1_024, { stdout: true, stderr: false, results: true }, 1_000, "success"]);
    const large = await run("class P:\n    def __repr__(self): return 'P'\n    def _repr_png_(self): return bytes(3_000_000)\nP()");
    assert.equal(Buffer.from(large.results[0].png, "base64").length, 3_000_000);
  });

  test("sends its events in their order", async () => {
    const response = await send({ code: "print('a')\ndisplay(1)\nprint('b')\nimport os\nos.system('echo c')\n1 / 0" }, { accept: "text/event-stream" });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const events: Json[] = [];
    for await (const { data } of readEvents(response)) events.push(data);
    const seen = events.map((event) => event.data ?? event.result?.text ?? event.error?.name ?? event.type);
    assert.deepEqual([seen[0], seen.at(-1), seen.slice(1, -1).join("")], ["start", "complete", "a\n1b\nc\nZeroDivisionError"]);
    assert.deepEqual([events.at(-1)?.status, events.at(-1)?.contextId], ["error", "fresh"]);
  });

  test("has packages of the registry, and the limits of a token", async () => {
    const made = await docle.fetch("/api/tokens", { method: "POST", headers: { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json" }, body: JSON.stringify({ limits: { timeoutMs: 400 } }) });
    const { token } = (await made.json()) as Json;
    const authorization = `Bearer ${token}`;
    const late = (await (await send({ code: "while True: pass" }, { authorization })).json()) as Json;
    assert.deepEqual([late.status, late.error.name], ["timeout", "Timeout"]);
    const refused = await problem(400, await send({ code: "1", packages: ["six"], allowNetwork: true }, { authorization }));
    assert.deepEqual(refused.errors?.map(({ field }) => field).toSorted(), ["allowNetwork", "packages"]);
    const wrong = await problem(400, await send({ code: "1", language: "bash", timeoutMs: 5 }));
    assert.deepEqual(wrong.errors?.map(({ field }) => field), ["language"]);
    assert.equal((await docle.fetch("/api/v1/code", { method: "POST", body: "{}" })).status, 401);
  });
});
