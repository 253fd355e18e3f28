//! `@doclehq/sdk`, from its tarball, against the real service.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { after, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { Docle as Service } from "../../tests/harness/docle.ts";
import { GitServer } from "../../tests/harness/git-server.ts";
import { Isolates } from "../../tests/harness/isolates.ts";
import type * as Sdk from "../sdk/src/index.ts";
import { install, load } from "./packed.ts";

const installed = install("sdk");
const { Docle, DocleConnectionError, DocleError, DocleTimeoutError, runSandbox } = (await load(installed)) as typeof Sdk;

const git = await GitServer.start();
git.repository("owner/name").commit({ "main.py": "import words\nprint(words.greeting)", "words.py": "greeting = 'from git'" });
process.env.DOCLE_REPOSITORY_HOSTS = git.host;
const isolates = await Isolates.start();
const service = await Service.start(isolates.vars);
after(async () => {
  await service.stop();
  await isolates.stop();
  await git.stop();
  installed.remove();
});
const { url: baseUrl, key: apiKey } = service.worker;
const docle = new Docle({ apiKey, baseUrl });

const read = async (request: IncomingMessage) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** A server of the test's own; answers with its address. */
async function serve(context: TestContext, handle: RequestListener): Promise<string> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Passes a request on to the service; answers with its response. */
async function pass(request: IncomingMessage, body: Buffer): Promise<Response> {
  const headers = Object.entries(request.headers).filter(([name]) => !["host", "connection", "content-length"].includes(name)) as [string, string][];
  return fetch(baseUrl + (request.url ?? ""), { method: request.method ?? "GET", headers, ...(body.length > 0 ? { body: new Uint8Array(body) } : {}) });
}

test("a program of a repository had its start replaced by the empty code of runSandbox", async () => {
  const repo = { url: git.url("owner/name"), ref: "main" };
  const whole = await runSandbox("", { lang: "python", repo, endpoint: baseUrl, apiKey });
  assert.deepEqual([whole.stdout, whole.repo?.commit?.length], ["from git\n", 40]);
  assert.equal((await runSandbox("import words; print(words.greeting.upper())", { lang: "python", repo, endpoint: baseUrl, apiKey })).stdout, "FROM GIT\n");
  assert.equal((await docle.run({ lang: "python", repo })).stdout, "from git\n");
  const kinds = [];
  for await (const event of docle.stream({ lang: "python", repo })) kinds.push(event.type);
  assert.deepEqual([kinds.includes("fetch"), kinds.at(-1)], [true, "complete"]);
});

test("a program runs, and its result says how it ended", async () => {
  const result = await runSandbox('print("Hello, Docle!")', { lang: "python", policy: { timeoutMs: 5000 }, endpoint: baseUrl, apiKey });
  assert.deepEqual([result.stdout, result.ok, result.exitCode], ["Hello, Docle!\n", true, 0]);
  const failed = await docle.run({ lang: "python", code: "raise SystemExit(3)" });
  assert.deepEqual([failed.ok, failed.exitCode, failed.status], [false, 3, "error"]);
});

test("a program may have several files", async () => {
  const { stdout } = await runSandbox("", {
    lang: "python",
    files: [
      { path: "main.py", content: 'from utils import greet\ngreet("World")' },
      { path: "utils.py", content: 'def greet(name):\n    print(f"Hello, {name}!")' },
    ],
    entrypoint: "main.py",
    policy: { timeoutMs: 10000 },
    endpoint: baseUrl,
    apiKey,
  });
  assert.equal(stdout, "Hello, World!\n");
});

test("every option is sent, to a route of one's own, too", async (context) => {
  const asked: { url: string | undefined; body: unknown; authorization: string | undefined; key: unknown }[] = [];
  const route = await serve(context, async (request, response) => {
    asked.push({ url: request.url, body: JSON.parse((await read(request)).toString()), authorization: request.headers.authorization, key: request.headers["idempotency-key"] });
    response.setHeader("content-type", "application/json").end('{"ok":true}');
  });
  const program = { lang: "node" as const, packages: ["lodash"], stdin: "in", args: ["a"], env: { A: "1" }, policy: { memoryMB: 64 }, userContext: { id: "u" }, entrypoint: "a.js" };
  await runSandbox("1", { ...program, endpoint: `${route}/api/docle?x=1`, apiKey: "own" });
  assert.deepEqual(asked, [{ url: "/api/docle?x=1", body: { code: "1", ...program }, authorization: "Bearer own", key: undefined }]);
});

test("what the service refuses is an error with a code and a way out", async () => {
  const wrong = new Docle({ apiKey: "sk_live_1", baseUrl });
  await assert.rejects(wrong.run({ lang: "python", code: "" }), (error) => {
    assert.ok(error instanceof DocleError);
    assert.deepEqual([error.status, error.code], [401, "invalid_api_key"]);
    assert.match(error.requestId ?? "", /^[\w-]{36}$/);
    return true;
  });
  await assert.rejects(docle.run({ lang: "python", code: "", policy: { timeoutMs: 1 } }), (error) => {
    assert.ok(error instanceof DocleError);
    assert.deepEqual(error.fields, [{ field: "policy.timeoutMs", message: "must be an integer from 100 to 300000, got 1" }]);
    return true;
  });
});

test("the response is there with its headers", async () => {
  const { data, response } = await docle.run({ lang: "python", code: "print(1)" }).withResponse();
  assert.equal(data.stdout, "1\n");
  assert.match(response.headers.get("x-ratelimit-remaining") ?? "", /^\d+$/);
});

test("a call of which nothing came is repeated, with the same idempotency key, and obeys the server's pause", async (context) => {
  const keys: (string | undefined)[] = [];
  const times: number[] = [];
  const front = await serve(context, async (request, response) => {
    keys.push(request.headers["idempotency-key"] as string | undefined);
    times.push(performance.now());
    const body = await read(request);
    if (keys.length === 1) return void response.writeHead(503, { "retry-after": "1" }).end("{}");
    if (keys.length === 2) return void request.socket.destroy();
    const passed = await pass(request, body);
    response.writeHead(passed.status, { "content-type": "application/json" }).end(await passed.text());
  });
  const { stdout } = await new Docle({ apiKey, baseUrl: front }).run({ lang: "python", code: "print(1)" });
  assert.equal(stdout, "1\n");
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1);
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990);
});

test("events that are newer than the package are left out", async (context) => {
  const events = [{ type: "start", id: "r", createdAt: "c" }, { type: "future" }, { type: "stdout", data: "x" }, { type: "complete", id: "r", stdout: "x" }];
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  const front = await serve(context, (_, response) => response.setHeader("content-type", "text/event-stream").end(text));
  const seen: string[] = [];
  for await (const event of new Docle({ apiKey, baseUrl: front }).stream({ lang: "python", code: "" })) seen.push(event.type);
  assert.deepEqual(seen, ["start", "stdout", "complete"]);
});

test("what may have been done is not repeated, and neither is what was refused", async (context) => {
  let calls = 0;
  const front = await serve(context, async (request, response) => {
    calls += 1;
    await read(request);
    if (request.url === "/execute") return void request.socket.destroy();
    response.writeHead(400, { "content-type": "application/problem+json" }).end('{"code":"invalid_request","message":"No."}');
  });
  const client = new Docle({ apiKey, baseUrl: front });
  await assert.rejects(client.isolates.execute({ code: "return 1" }), DocleConnectionError);
  await assert.rejects(client.run({ lang: "python", code: "" }), { name: "DocleError", message: "No." });
  await assert.rejects(client.languages({ retries: 0 }), { name: "DocleError", code: "invalid_request" });
  assert.equal(calls, 3);
});

test("a script that may have run was repeated after an answer of something else than the service", async (context) => {
  const answers = [
    [503, "runner_busy"],
    [502, undefined],
  ] as const;
  let calls = 0;
  const front = await serve(context, async (request, response) => {
    await read(request);
    const [status, code] = answers[calls] ?? assert.fail("one call too many");
    calls += 1;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ code }));
  });
  await assert.rejects(new Docle({ apiKey, baseUrl: front }).isolates.execute({ code: "return 1" }), { status: 502, code: "unknown" });
  assert.equal(calls, 2);
});

test("a route of one's own that broke off was asked to run the program again", async (context) => {
  let calls = 0;
  const route = await serve(context, async (request) => {
    calls += 1;
    await read(request);
    request.socket.destroy();
  });
  await assert.rejects(runSandbox("1", { lang: "python", endpoint: `${route}/api/docle` }), DocleConnectionError);
  assert.equal(calls, 1);
});

test("a call ends with its time and with its signal", async (context) => {
  const silent = await serve(context, (request) => void request.resume());
  const client = new Docle({ apiKey, baseUrl: silent });
  await assert.rejects(client.languages({ timeoutMs: 50 }), DocleTimeoutError);
  const reason = new Error("not wanted any more");
  const controller = new AbortController();
  const call = client.languages({ signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(call, reason);
  await assert.rejects(client.languages({ signal: AbortSignal.abort(reason) }), reason);
});

test("output comes as it is written", async () => {
  const types: string[] = [];
  let output = "";
  for await (const event of docle.stream({ lang: "python", code: "import sys\nfor i in range(3): print(i)\nprint('e', file=sys.stderr)" })) {
    if (types.at(-1) !== event.type) types.push(event.type);
    if (event.type === "stdout") output += event.data;
    if (event.type === "complete") assert.equal(event.exitCode, 0);
  }
  assert.equal(output, "0\n1\n2\n");
  assert.deepEqual([types[0], types.at(-1), types.includes("stderr")], ["start", "complete", true]);
});

test("a stream goes on after its connection broke, and repeats nothing", async (context) => {
  let calls = 0;
  const front = await serve(context, async (request, response) => {
    calls += 1;
    const passed = await pass(request, await read(request));
    response.writeHead(passed.status, { "content-type": "text/event-stream" });
    if (calls > 1) return void Readable.fromWeb(passed.body as ReadableStream).pipe(response);
    // The first connection breaks after the first event with output, whatever of a line is in it and whatever has come with it.
    let text = "";
    for await (const chunk of passed.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      const [sent] = /^[^]*?"type":"stdout"[^]*?\n\n/.exec(text) ?? [];
      if (sent !== undefined) return void response.write(sent, () => request.socket.destroy());
    }
    response.end(text);
  });
  const code = "import time\nfor i in range(20):\n    print('line', i, flush=True)\n    time.sleep(0.02)";
  let output = "";
  const types: string[] = [];
  for await (const event of new Docle({ apiKey, baseUrl: front }).stream({ lang: "python", code })) {
    types.push(event.type);
    if (event.type === "stdout") output += event.data;
  }
  assert.equal(output, Array.from({ length: 20 }, (_, line) => `line ${line}\n`).join(""));
  assert.deepEqual([types.filter((type) => type === "start").length, types.filter((type) => type === "complete").length], [1, 1]);
  assert.equal(calls, 2);
});

test("leaving a stream ends its connection", async (context) => {
  let closed: () => void;
  const left = new Promise<void>((resolve) => (closed = resolve));
  const front = await serve(context, async (request, response) => {
    await read(request);
    response.on("close", () => closed()).writeHead(200, { "content-type": "text/event-stream" }).write('data: {"type":"start","id":"x"}\n\n');
  });
  for await (const event of new Docle({ apiKey, baseUrl: front }).stream({ lang: "python", code: "" })) {
    assert.equal(event.type, "start");
    break;
  }
  await left;
});

test("a run whose stream was left went on to its limit", async () => {
  let run = "";
  for await (const event of docle.stream({ lang: "python", code: "import time\nprint(1, flush=True)\ntime.sleep(30)", policy: { timeoutMs: 30_000 } })) {
    if (event.type === "start") run = event.id;
    if (event.type === "stdout") break;
  }
  const { status, stdout, usage } = await docle.runs.cancel(run);
  assert.deepEqual([status, stdout], ["cancelled", "1\n"]);
  assert.ok(usage.durationMs < 20_000, `${usage.durationMs} ms`);
  await assert.rejects(docle.runs.cancel((await docle.run({ lang: "python", code: "" })).id), { code: "run_ended", status: 409 });
});

test("a detached run is waited for, read, cancelled and listed", async () => {
  const program = { lang: "python", code: "import time\nprint('so far', flush=True)\ntime.sleep(1)\nprint('done')" } as const;
  const detached = await docle.run({ ...program, detach: true, userContext: { id: "listed" } });
  assert.ok(["queued", "running"].includes(detached.status));
  const early = await docle.runs.get(detached.id);
  assert.ok(!("exitCode" in early) && ["queued", "running"].includes(early.status));
  assert.deepEqual((await docle.runs.pending({ user: "listed" })).map(({ id, language }) => [id, language]), [[detached.id, "python"]]);
  assert.deepEqual(await docle.runs.pending({ user: "listed", language: "node" }), []);
  const result = await docle.runs.wait(detached.id);
  assert.deepEqual([result.id, result.status, result.stdout], [detached.id, "success", "so far\ndone\n"]);
  assert.deepEqual((await docle.runs.wait(detached.id)).stdout, result.stdout, "at once when it has ended");

  const endless = await docle.run({ ...program, code: "import time\ntime.sleep(60)", policy: { timeoutMs: 60_000 }, detach: true, userContext: { id: "endless" } });
  await assert.rejects(docle.runs.wait(endless.id, { timeoutMs: 300 }), { name: "DocleTimeoutError" });
  assert.equal((await docle.runs.cancel(endless.id)).status, "cancelled");
  await assert.rejects(docle.runs.wait("x"), { code: "run_not_found" });

  const begin = new Date();
  for (const number of [1, 2, 3]) {
    // A run is listed when its result can be read.
    await docle.runs.wait((await docle.run({ lang: "node", code: `console.log(${number})`, userContext: { id: "listed" } })).id);
  }
  const seen: string[] = [];
  for await (const run of docle.runs.list({ user: "listed", limit: 2 })) seen.push(run.language);
  assert.deepEqual(seen, ["node", "node", "node", "python"]);
  const recent = [];
  for await (const run of docle.runs.list({ user: "listed", status: "success", from: begin })) recent.push(run);
  assert.equal(recent.length, 3);
  const ended = [];
  for await (const run of docle.runs.list({ status: "cancelled", user: "endless" })) ended.push(run.id);
  assert.deepEqual(ended, [endless.id]);
  await assert.rejects(docle.runs.list({ language: "cobol" }).next(), { code: "invalid_request" });
});

test("scripts, results, tokens, rooms and languages", async () => {
  assert.equal((await docle.isolates.execute({ code: "return 1 + 1" })).result, 2);
  assert.equal((await docle.isolates.validate({ code: "require('x')", language: "javascript" })).valid, false);
  const { id } = await docle.run({ lang: "python", code: "print(1)" });
  const stored = await docle.runs.get(id);
  assert.equal("stdout" in stored && stored.stdout, "1\n");
  const { token } = await docle.tokens.create({ limits: { timeoutMs: 1_000 } });
  const holder = new Docle({ apiKey: token, baseUrl });
  assert.equal((await holder.run({ lang: "python", code: "print(2)" })).stdout, "2\n");
  await assert.rejects(holder.tokens.create(), { code: "token_not_enough" });
  const room = await docle.rooms.create({ name: "Interview" });
  assert.ok((await docle.rooms.list({ limit: 100 })).rooms.some(({ id }) => id === room.id));
  assert.equal((await docle.rooms.createToken(room.id, { role: "viewer" })).role, "viewer");
  assert.equal((await docle.rooms.run(room.id, { code: "print(3)", language: "python" })).output, "3\n");
  assert.equal(await docle.rooms.delete(room.id), undefined);
  assert.ok((await docle.languages()).languages.length > 1);
  assert.equal((await docle.health()).status, "ok");
});

test("settings come from the environment where none are given", () => {
  const program = `import { runSandbox } from "@doclehq/sdk"; console.log((await runSandbox("print(1)", { lang: "python" })).stdout)`;
  const env = { ...process.env, DOCLE_API_KEY: apiKey, DOCLE_BASE_URL: baseUrl };
  assert.equal(execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: installed.folder, env, encoding: "utf8" }).trim(), "1");
});

/** The package as a page or a Worker has it, with only what `code` uses. */
async function bundle(code: string): Promise<string> {
  const stdin = { contents: code, resolveDir: installed.folder };
  const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: "esm", target: "es2022", write: false });
  return outputFiles[0]?.text ?? "";
}

test("it works in the Workers runtime", async (context) => {
  const script = await bundle(`import { Docle } from "@doclehq/sdk";
    export default { async fetch() {
      const docle = new Docle({ apiKey: ${JSON.stringify(apiKey)}, baseUrl: ${JSON.stringify(baseUrl)} });
      let output = "";
      for await (const event of docle.stream({ lang: "python", code: "print('streamed')" })) if (event.type === "stdout") output += event.data;
      return new Response((await docle.run({ lang: "python", code: "print('run')" })).stdout + output);
    } };`);
  const manifest = { mainModule: "worker.js", modulesRoot: "/", modules: { "worker.js": { type: "esm" as const, contents: script } } };
  const runtime = new Miniflare({ host: "127.0.0.1", port: 0, cf: false, workers: [{ config: { name: "user", compatibilityDate: "2026-11-01", manifest } }] });
  context.after(() => runtime.dispose());
  assert.equal(await (await fetch((await runtime.ready).origin)).text(), "run\nstreamed\n");
});

test("a page with a secret key is warned, and one with a token is not", async () => {
  const warned = async (key: string) => {
    const program = `const warnings = []; console.warn = (text) => warnings.push(text); globalThis.window = globalThis; globalThis.document = {};
      const { Docle } = await import("@doclehq/sdk"); new Docle({ apiKey: ${JSON.stringify(key)} }); console.log(JSON.stringify(warnings))`;
    return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: installed.folder, encoding: "utf8" })) as string[];
  };
  assert.deepEqual(await warned("sk_live_1"), ["Docle: everybody who opens this page can take its API key. Give pages a run token."]);
  assert.deepEqual(await warned("rt_1"), []);
});

test("the root entry is at most 5 kB, runSandbox alone 2.5 kB, and the entry for sandboxes 6 kB", async () => {
  const size = async (code: string) => gzipSync(await bundle(code)).length;
  const [whole, one] = [await size('export * from "@doclehq/sdk"'), await size('export { runSandbox } from "@doclehq/sdk"')];
  const sandboxes = await size('export * from "@doclehq/sdk/sandboxes"');
  assert.ok(whole <= 5_000, `the root entry has ${whole} bytes`);
  assert.ok(sandboxes <= 6_000, `the entry for sandboxes has ${sandboxes} bytes`);
  assert.ok(one <= 2_500, `runSandbox has ${one} bytes`);
});

const square = { lang: "python" as const, code: "import time\nn = int(input())\ntime.sleep(n / 5)\nprint(n * n)" };

test("a batch gives all results in order, or each as its run ends", async () => {
  const batch = { ...square, inputs: [{ stdin: "5" }, { stdin: "0" }, { stdin: "1" }] };
  const { results } = await docle.batch(batch);
  assert.deepEqual(results.map(({ index, result }) => [index, result?.stdout]), [[0, "25\n"], [1, "0\n"], [2, "1\n"]]);
  const ended: number[] = [];
  for await (const { index } of docle.streamBatch(batch)) ended.push(index);
  assert.equal(ended.at(-1), 0);
  assert.deepEqual(ended.toSorted(), [0, 1, 2]);
  for await (const { result, error } of docle.streamBatch({ runs: [{ lang: "node", code: "process.exit(3)" }] })) {
    assert.deepEqual([result?.exitCode, error], [3, undefined]);
  }
  await assert.rejects(docle.batch({ runs: [] }), (error) => error instanceof DocleError && error.fields[0]?.field === "runs");
});

test("a judgement has a verdict on each test", async () => {
  const { verdict, points, tests } = await docle.judge({ ...square, tests: [{ stdin: "0", expected: "0", points: 3 }, { stdin: "1", expected: "2" }] });
  assert.deepEqual([verdict, points, tests.map((one) => one.verdict)], ["wrong_answer", 3, ["accepted", "wrong_answer"]]);
});
