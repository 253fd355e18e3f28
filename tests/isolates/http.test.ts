//! Scripts through the API: with a key, with history, and from another Worker.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { Docle, problem } from "../harness/docle.ts";
import { readEvents } from "../harness/events.ts";
import { Isolates } from "../harness/isolates.ts";
import { Platform } from "../harness/platform.ts";
import { LANGUAGES } from "../harness/languages.ts";
import { startWorker } from "../harness/worker.ts";

const isolates = await Isolates.start({ internet: ({ url }) => ({ body: JSON.stringify({ url }), headers: { "content-type": "application/json" } }) });
const docle = await Docle.start(isolates.vars);
after(() => Promise.all([docle.stop(), isolates.stop()]));

type Json = Record<string, any>;

async function json(response: Response, status = 200): Promise<Json> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text) as Json;
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  docle.fetch(path, { method: "POST", headers: { authorization: `Bearer ${docle.worker.key}`, ...headers }, body: JSON.stringify(body) });
const get = (path: string) => docle.fetch(path, { headers: { authorization: `Bearer ${docle.worker.key}` } });
const execute = async (body: unknown) => json(await post("/execute", body));

test("a script is executed, stored and listed at once", async () => {
  const result = await execute({ code: "console.log('hi'); return 1 + 1", language: "javascript", context: { user: "john" }, config: { timeout: 5000 } });
  assert.deepEqual([result.success, result.ok, result.result, result.error, result.status, result.exitCode], [true, true, 2, null, "success", 0]);
  assert.deepEqual(result.logs.map(({ level, message }: Json) => [level, message]), [["log", "hi"]]);
  assert.ok(result.executionTime > 0 && result.executionTime === result.usage.durationMs);
  const { executions } = await json(await get("/executions?limit=10&offset=0"));
  assert.deepEqual([executions[0].id, executions[0].success, executions[0].language], [result.id, true, "javascript"]);
  const kept = await json(await get(`/executions/${result.id}`));
  assert.deepEqual([kept.result, kept.input.code, kept.input.context], [2, "console.log('hi'); return 1 + 1", { user: "john" }]);
  assert.deepEqual((await json(await get(`/api/run/${result.id}`))).input, kept.input);
});

test("a failing script is a result", async () => {
  const failed = await execute({ code: "\nconst x: number = null!.y", language: "typescript" });
  assert.deepEqual([failed.success, failed.ok, failed.error.name, failed.error.line, failed.exitCode], [false, false, "TypeError", 2, 1]);
  const refused = await execute({ code: "const fs = require('fs')" });
  assert.deepEqual([refused.error.name, refused.error.line, refused.error.column], ["ValidationError", 1, 12]);
  assert.equal((await execute({ code: "while (true) {}", config: { timeout: 100 } })).status, "timeout");
});

test("tier isolate of a run gives the same result", async () => {
  const script = await execute({ code: "return context.n * 2", context: { n: 2 } });
  const run = await json(await post("/api/run", { tier: "isolate", lang: "javascript", code: "return context.n * 2", context: { n: 2 } }));
  assert.deepEqual(Object.keys(run), Object.keys(script));
  assert.deepEqual([run.success, run.result, script.result], [true, 4, 4]);
  const response = await post("/api/run", { tier: "isolate", lang: "typescript", code: "console.log('out'); console.warn('err'); return 1" }, { accept: "text/event-stream" });
  const events = [];
  for await (const event of readEvents(response)) events.push(event);
  assert.deepEqual(events.map(({ event }) => event), ["start", "stdout", "stderr", "complete"]);
  const { executions } = await json(await get("/executions?limit=2"));
  assert.deepEqual(executions.map(({ language }: Json) => language), ["typescript", "javascript"]);
});

test("validation lists the errors and their positions", async () => {
  assert.deepEqual(await json(await post("/validate", { code: "return 42" })), { valid: true, errors: [] });
  const { valid, errors } = await json(await post("/validate", { code: "const a = 'eval'\nprocess.exit(eval('1'))", language: "javascript" }));
  assert.deepEqual([valid, errors.map(({ rule, line, column }: Json) => `${rule} ${line}:${column}`)], [false, ["process 2:1", "eval 2:14"]]);
  const long = await json(await post("/validate", { code: " ".repeat(102_401) }));
  assert.equal(long.errors[0].rule, "too-large");
});

test("the error of an invalid request names the field", async () => {
  for (const [path, body, field] of [
    ["/execute", {}, "code"],
    ["/execute", { code: "x".repeat(102_401) }, "code"],
    ["/execute", { code: "", language: "python" }, "language"],
    ["/execute", { code: "", config: { timeout: 1 } }, "config.timeout"],
    ["/execute", { code: "", config: { allowedDomains: ["10.0.0.1"] } }, "config.allowedDomains[0]"],
    ["/execute", { code: "", __proto__x: 1 }, "__proto__x"],
    ["/validate", { language: "javascript" }, "code"],
    ["/api/run", { tier: "isolate", lang: "javascript", code: "", packages: {} }, "packages"],
    ["/api/run", { lang: "typescript", code: "" }, "lang"],
  ] as const) {
    const { errors } = await problem(400, await post(path, body));
    assert.equal(errors?.[0]?.field, field, JSON.stringify(errors));
  }
  for (const path of ["/execute", "/validate"]) await problem(401, await docle.fetch(path, { method: "POST", body: "{}" }));
  for (const path of ["/executions", "/executions/550e8400-e29b-41d4-a716-446655440000"]) await problem(401, await docle.fetch(path));
  await problem(404, await get("/executions/550e8400-e29b-41d4-a716-446655440000"));
});

test("the key's limit holds for scripts, and for runs and scripts together", async () => {
  const { headers } = await post("/execute", { code: "" });
  const remaining = Number(headers.get("x-ratelimit-remaining"));
  const { headers: later } = await post("/api/run", { tier: "isolate", lang: "javascript", code: "" });
  assert.equal(Number(later.get("x-ratelimit-remaining")), remaining - 1);
});

test("the project's hosts and database come with the key", async () => {
  const blocked = await execute({ code: "return (await api('https://api.example.com/')).body", config: { allowedDomains: ["api.example.com"] } });
  assert.deepEqual(blocked.result, { url: "https://api.example.com/" });
  const none = await execute({ code: "return await api('https://api.example.com/')" });
  assert.deepEqual([none.error.name, none.usage.blockedConnections], ["ForbiddenHostError", 1]);
  const unconfigured = await execute({ code: "return await db({ select: { from: 'things' } })" });
  assert.match(unconfigured.error.message, /the project names no database/);
});

test("languages are those of all tiers, with the versions that they report", async () => {
  const { languages } = await json(await docle.fetch("/languages"));
  // Which of the further languages there are depends on the machine.
  const always = languages.filter(({ id }: Json) => !LANGUAGES.includes(id));
  assert.deepEqual(always.map(({ id, tier }: Json) => `${id} ${tier}`), ["python run", "node run", "javascript isolate", "typescript isolate"]);
  const { stdout } = await docle.run({ lang: "python", code: "import platform; print(platform.python_version(), end='')" });
  assert.equal(languages[0].versions.cpython, stdout);
  for (const { versions } of languages) assert.ok(Object.keys(versions).length > 0);
});

test("the runtime APIs are documented as JSON and as HTML, and their examples work", async () => {
  const docs = await json(await docle.fetch("/docs"));
  assert.deepEqual(docs.runtimeApis.map(({ name }: Json) => name), ["context", "console", "api", "db", "ai"]);
  assert.equal((await execute({ code: docs.example, language: "typescript", context: { n: 21 } })).result, 42);
  for (const { example } of docs.runtimeApis) assert.equal((await json(await post("/validate", { code: example }))).valid, true, example);
  const page = await (await docle.fetch("/docs/isolates", { headers: { accept: "text/html" } })).text();
  for (const { name } of docs.runtimeApis) assert.ok(page.includes(`<code>${name}`), name);
});

test("an unreachable isolate Worker is a result with status system, and the rest of the service works", async () => {
  const away = await startWorker({ ISOLATES_URL: "http://127.0.0.1:9", ISOLATES_SECRET: "x" });
  try {
    const headers = { authorization: `Bearer ${away.key}` };
    const result = await json(await fetch(`${away.url}/execute`, { method: "POST", headers, body: JSON.stringify({ code: "return 1" }) }));
    assert.deepEqual([result.status, result.error.name], ["system", "SystemError"]);
    await problem(503, await fetch(`${away.url}/validate`, { method: "POST", headers, body: JSON.stringify({ code: "return 1" }) }));
    assert.equal((await fetch(`${away.url}/docs`)).status, 200);
    assert.ok(!away.logs.join("\n").includes("return 1"));
  } finally {
    await away.stop();
  }
});

test("another Worker runs scripts through its binding", async () => {
  const source = readFileSync(inRoot("examples", "scripts-from-a-worker", "worker.js"), "utf8");
  const probe = `
    import example from "./example.js";
    export default { async fetch(request, env) {
      if (new URL(request.url).pathname === "/example") return example.fetch(request, { ...env, DOCLE_KEY: request.headers.get("key") });
      const { arguments: given } = await request.json();
      try { return Response.json(await env.CODE_EXEC.executeCode(...given)); } catch (error) { return Response.json({ thrown: error.message }); }
    } };`;
  const worker = await startWorker(isolates.vars, { neighbour: { modules: { "neighbour.js": probe, "example.js": source } } });
  try {
    const call = async (...given: unknown[]) => json(await worker.neighbour("/", { method: "POST", body: JSON.stringify({ arguments: given }) }));
    const apiKey = worker.key;
    const result = await call("return 1 + context.n", "javascript", { n: 1 }, { timeout: 5000, apiKey });
    assert.deepEqual([result.success, result.result, result.error], [true, 2, null]);
    const refused = await call("return 1", "javascript", {}, {});
    assert.deepEqual([refused.success, refused.error.name, refused.error.code], [false, "ApiError", "api_key_required"]);
    const invalid = await call("return 1", "cobol", {}, { apiKey });
    assert.deepEqual([invalid.error.code, invalid.success], ["invalid_request", false]);
    const formula = async (text: string) => worker.neighbour("/example", { method: "POST", headers: { key: apiKey }, body: JSON.stringify({ formula: text, values: { price: 2 } }) });
    assert.deepEqual(await json(await formula("const tax: number = 0.5; return context.price * (1 + tax)")), { result: 3 });
    assert.deepEqual(await json(await formula("return context.nothing.more"), 422), { error: "TypeError: Cannot read properties of undefined (reading 'more')" });
    const listed = await json(await fetch(`${worker.url}/executions`, { headers: { authorization: `Bearer ${apiKey}` } }));
    assert.deepEqual(listed.executions.map(({ id }: Json) => id).at(-1), result.id);
  } finally {
    await worker.stop();
  }
});

test("the settings of a project apply to all its keys at once, whatever the request contains", async () => {
  const platform = await Platform.start(isolates.vars);
  try {
    await isolates.sql("PROJECT_DB_WIKI", "CREATE TABLE IF NOT EXISTS pages (id INTEGER)");
    const user = await platform.signIn("owner@example.com");
    const project = await json(await user.call("POST", "/api/projects", { name: "Formulas" }), 201);
    assert.deepEqual(project.isolates, { allowed_domains: null, database: null });
    const { key } = await json(await user.call("POST", `/api/projects/${project.id}/keys`, { rateLimitPerMinute: 3 }), 201);
    const script = async (code: string) => json(await platform.fetch("/execute", { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify({ code, config: { allowedDomains: ["a.example.com", "b.example.com"] } }) }));
    assert.equal((await script("return (await api('https://a.example.com/')).status")).result, 200);

    const settings = { isolates: { allowedDomains: ["b.example.com"], database: "wiki" } };
    const changed = await json(await user.call("PATCH", `/api/projects/${project.id}`, settings));
    assert.deepEqual(changed.isolates, { allowed_domains: ["b.example.com"], database: "wiki" });
    assert.equal((await script("return (await api('https://a.example.com/')).status")).error.name, "ForbiddenHostError");
    assert.deepEqual((await script("return [(await api('https://b.example.com/')).status, (await db({ select: { from: 'pages' } })).rowCount]")).result, [200, 0]);

    const refused = await platform.fetch("/execute", { method: "POST", headers: { authorization: `Bearer ${key}` }, body: '{"code":""}' });
    assert.deepEqual([(await problem(429, refused)).code, refused.headers.get("x-ratelimit-limit")], ["rate_limit_exceeded", "3"]);
    const { executions } = await json(await platform.fetch("/executions", { headers: { authorization: `Bearer ${key}` } }));
    assert.equal(executions.length, 3);
    const usage = await json(await user.call("GET", `/api/projects/${project.id}/usage`));
    assert.deepEqual([usage.total_runs, usage.languages, usage.history[0].language], [3, { javascript: 3 }, "javascript"]);
    const wrong = await problem(400, await user.call("PATCH", `/api/projects/${project.id}`, { isolates: { database: "DROP TABLE" } }));
    assert.equal(wrong.errors?.[0]?.field, "isolates.database");
  } finally {
    await platform.stop();
  }
});
