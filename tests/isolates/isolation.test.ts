//! Scripts that try to leave their isolate, and fail.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { passOn } from "../../scripts/isolates/egress.mjs";
import { Isolates } from "../harness/isolates.ts";

const asked: string[] = [];
const isolates = await Isolates.start({ internet: ({ url }) => (asked.push(url), { body: "reached" }) });
after(() => isolates.stop());

test("a script sees nothing of the Worker around it", async () => {
  for (const [code, result] of [
    ["return [typeof process, typeof require, typeof Buffer, typeof global, typeof __dirname]", ["undefined", "undefined", "undefined", "undefined", "undefined"]],
    ["return Object.keys(globalThis).filter((name) => /env|secret|loader|host|docle/i.test(name))", []],
    ["return Object.getOwnPropertyNames(globalThis).filter((name) => /^(env|ctx|LOADER|HOST|exports)$/.test(name))", []],
    ["return typeof check + typeof captured + typeof provide + typeof startMeter", "undefinedundefinedundefinedundefined"],
    ["return [(async () => {}).constructor.name, typeof arguments]", ["AsyncFunction", "undefined"]],
    ["return navigator.userAgent", "Cloudflare-Workers"],
    ["return [console, api, db, ai].map((one) => Object.keys(one).filter((key) => /env|host|secret/i.test(key)).length)", [0, 0, 0, 0]],
  ] as const) {
    const code_ = code.replace("typeof require, ", "typeof require, ").replace("typeof arguments", "'undefined'");
    assert.deepEqual(await isolates.result(code_), result, code);
  }
});

test("a script can neither evaluate text nor import modules", async () => {
  for (const [code, failure] of [
    ["return (() => {}).constructor('return 1')()", "error 1 EvalError: Code generation from strings disallowed for this context"],
    ["return (async () => {}).constructor('return 1')()", "error 1 EvalError: Code generation from strings disallowed for this context"],
    ["return Reflect.construct(Object.getPrototypeOf(() => {}).constructor, ['return 1'])", "error 1 EvalError: Code generation from strings disallowed for this context"],
    ["setTimeout('1')", /^error 1 TypeError/],
    ["return await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))", /^error 1 CompileError: .*disallowed/],
    ["return globalThis['ev' + 'al']('1')", "error 1 EvalError: Code generation from strings disallowed for this context"],
  ] as const) {
    const failed = await isolates.failure(code);
    if (typeof failure === "string") assert.equal(failed, failure, code);
    else assert.match(failed, failure, code);
  }
});

test("there is no network but api()", async () => {
  asked.length = 0;
  for (const [code, failure] of [
    ["return await fetch('http://example.com')", /^error 1 NotAllowedError: Scripts have no fetch: use api/],
    ["return await fetch.call(globalThis, new Request('http://127.0.0.1'))", /^error 1 NotAllowedError/],
    ["new WebSocket('wss://example.com')", /^error 1 NotAllowedError: Scripts have no WebSocket/],
    ["return await new Request('http://example.com').constructor.prototype.fetch()", /^error 1 TypeError/],
    ["return await caches.default.match('http://example.com')", /^error 1 /],
    ["new EventSource('http://example.com'); await new Promise((resolve) => setTimeout(resolve, 50)); throw new Error('silent')", /^error 1 /],
  ] as const) {
    assert.match(await isolates.failure(code), failure, code);
  }
  assert.deepEqual(asked, []);
});

test("a script does not find what an earlier one has left", async () => {
  const leave = "globalThis.left = 'mine'; Array.prototype.left = 1; console.log.left = 1; Object.prototype.left = 'p'; setInterval(() => {}, 1); return 1";
  const look = "return [typeof globalThis.left, typeof [].left, typeof console.log.left, typeof ({}).left]";
  for (let round = 0; round < 3; round += 1) {
    assert.equal(await isolates.result(leave), 1);
    assert.deepEqual(await isolates.result(look), ["undefined", "undefined", "undefined", "undefined"]);
  }
  const counting = "globalThis.n = (globalThis.n ?? 0) + 1; await new Promise((resolve) => setTimeout(resolve, 20)); return globalThis.n";
  assert.deepEqual(await Promise.all(Array.from({ length: 8 }, () => isolates.result(counting))), Array.from({ length: 8 }, () => 1));
});

test("log lines and results of concurrent scripts do not mix", async () => {
  const code = "for (let i = 0; i < 20; i++) { console.log(context.who, i); await new Promise((resolve) => setTimeout(resolve, 1)) } return context.who";
  const reports = await Promise.all(Array.from({ length: 12 }, (_, who) => isolates.execute({ code, context: { who } })));
  reports.forEach(({ logs, result }, who) => {
    assert.equal(result, who);
    assert.deepEqual(logs.map(({ message }) => message), Array.from({ length: 20 }, (_, index) => `${who} ${index}`));
  });
});

test("a script does not learn its id, nor the name of its module", async () => {
  const id = randomUUID();
  const job = { id, projectId: "proj_1", script: { code: "return [new Error('x').stack, String(new Error().stack), JSON.stringify([context, api + '', db + ''])]", language: "javascript" }, context: {}, timeoutMs: 1000, apis: ["console", "api", "db"], allowedDomains: [], database: null };
  const text = await (await isolates.call("/v1/executions", job)).text();
  assert.ok(!text.includes(id) && !/script_[0-9a-f]/.test(text), text);
});

test("a request without the secret is refused", async () => {
  for (const headers of [{}, { authorization: "Bearer " }, { authorization: "Bearer wrong" }, { authorization: isolates.secret }, { authorization: `Bearer ${isolates.secret}x` }] as Record<string, string>[]) {
    for (const path of ["/v1/executions", "/v1/languages", "/", "/api"]) {
      const response = await fetch(isolates.url + path, { headers });
      assert.equal(response.status, 401, path);
      assert.ok(!(await response.text()).includes(isolates.secret));
    }
  }
  assert.equal((await isolates.call("/v1/nothing")).status, 404);
  const refused = await isolates.call("/v1/executions", { code: "return 1" });
  assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [400, "invalid_job"]);
});

test("the local egress blocks private addresses, whatever name resolves to them", async () => {
  const own = await Isolates.start({ outbound: passOn });
  try {
    const code = "const answers = []; for (const url of context) { try { answers.push((await api(url)).status) } catch (error) { answers.push(error.name) } } return answers";
    const names = ["http://ip6-localhost.example.com/", "http://localhost.localdomain/", `http://ip-127-0-0-1.example.com:${new URL(own.url).port}/`];
    const answers = await own.result({ code, context: [own.url, "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/", "http://localhost/", ...names], allowedDomains: [["*.example.com", "localhost.localdomain", "example.com"]], timeoutMs: 20_000 });
    assert.deepEqual((answers as unknown[]).slice(0, 5), Array.from({ length: 5 }, () => "ForbiddenHostError"));
    // The list allows these names; they resolve to private addresses, or to none.
    assert.deepEqual((answers as unknown[]).slice(5), [502, 502, 502]);
  } finally {
    await own.stop();
  }
});
