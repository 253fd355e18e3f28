//! The runtime APIs: their results, their refusals and their limits.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Asked, type Answered, Isolates } from "../harness/isolates.ts";

let asked: Asked[] = [];
const json = (value: unknown): Answered => ({ body: JSON.stringify(value), headers: { "content-type": "application/json; charset=utf-8" } });
const redirect = (location: string, status = 302): Answered => ({ status, headers: { location } });

function internet(request: Asked): Answered | undefined {
  asked.push(request);
  const { pathname } = new URL(request.url);
  const answers: Record<string, Answered> = {
    "/json": json({ name: "workers-sdk" }),
    "/text": { body: "plain \u{1f600}", headers: { "content-type": "text/plain", "x-own": "1" } },
    "/broken": { body: "{", headers: { "content-type": "application/json" } },
    "/missing": { status: 404, body: "no" },
    "/nothing": { status: 204 },
    "/large": { body: "x".repeat(3_000_000) },
    "/away": redirect("https://evil.com/steal"),
    "/inside": redirect("http://169.254.169.254/latest"),
    "/other": redirect("https://b.example.com/json", 307),
    "/after-post": redirect("/json", 303),
    "/round": redirect("/round"),
    "/echo": json({ method: request.method, body: request.body, headers: request.headers }),
  };
  return answers[pathname];
}

const isolates = await Isolates.start({ internet, model: true });
const bare = await Isolates.start();
after(() => Promise.all([isolates.stop(), bare.stop()]));
const allowedDomains = [["api.example.com", "*.example.com"]];
const api = (path: string, options = "") => ({ code: `return await api('https://api.example.com${path}'${options && `, ${options}`})`, allowedDomains });

test("api answers with status, headers and body, parsed where it is JSON", async () => {
  const found = (await isolates.result(api("/json?q=1"))) as { status: number; ok: boolean; url: string; body: unknown; headers: Record<string, string> };
  assert.deepEqual([found.status, found.ok, found.url, found.body], [200, true, "https://api.example.com/json?q=1", { name: "workers-sdk" }]);
  const text = (await isolates.result(api("/text"))) as { body: string; headers: Record<string, string> };
  assert.deepEqual([text.body, text.headers["x-own"]], ["plain \u{1f600}", "1"]);
  const bodies = await isolates.result({ code: "return Promise.all(['broken', 'missing', 'nothing'].map(async (path) => { const { status, ok, body } = await api('https://api.example.com/' + path); return [status, ok, body] }))", allowedDomains });
  assert.deepEqual(bodies, [[200, true, "{"], [404, false, "no"], [204, true, ""]]);
});

test("api sends methods, headers and bodies", async () => {
  const sent = async (options: string) => ((await isolates.result(api("/echo", options))) as { body: { method: string; body: string; headers: Record<string, string> } }).body;
  const post = await sent("{ method: 'post', body: { a: 1 }, headers: { 'X-Token': 't' } }");
  assert.deepEqual([post.method, post.body, post.headers["content-type"], post.headers["x-token"]], ["POST", '{"a":1}', "application/json", "t"]);
  const put = await sent("{ method: 'PUT', body: 'text', headers: { 'content-type': 'text/x' } }");
  assert.deepEqual([put.method, put.body, put.headers["content-type"]], ["PUT", "text", "text/x"]);
  for (const [options, message] of [
    ["{ mode: 'cors' }", /no option "mode"; it has method, headers, body, redirect/],
    ["{ method: 'CONNECT' }", /options.method must be/],
    ["{ body: 'x' }", /GET or HEAD request has no body/],
    ["{ headers: { Host: 'evil.com' } }", /options.headers.host cannot be set/],
    ["{ headers: { 'CF-Connecting-IP': '1.1.1.1' } }", /cannot be set/],
    ["{ headers: { 'x\\r\\ny': '1' } }", /is no header/],
    ["{ headers: { x: 1 } }", /must be a string/],
    ["{ redirect: 'error' }", /options.redirect must be/],
    ["'GET'", /are an object/],
  ] as const) {
    assert.match(await isolates.failure(api("/echo", options)), message, options);
  }
});

test("api reaches allowed hosts only, on every hop", async () => {
  asked = [];
  for (const [path, name] of [["/away", "ForbiddenHostError"], ["/inside", "ForbiddenHostError"], ["/round", "NetworkError"]] as const) {
    const { error, usage } = await isolates.execute(api(path));
    assert.deepEqual([error?.name, usage.blockedConnections], [name, name === "NetworkError" ? 0 : 1], path);
  }
  assert.ok(asked.every(({ url }) => url.startsWith("https://api.example.com/")));
  for (const [url, lists] of [
    ["https://evil.com/", allowedDomains],
    ["https://api.example.com.evil.com/", allowedDomains],
    ["https://example.com/", [["*.example.com"]]],
    ["https://api.example.com/json", [["api.example.com"], ["other.com"]]],
    ["https://api.example.com/json", []],
    ["https://api.example.com/json", [[]]],
    ["http://127.0.0.1/", allowedDomains],
    ["http://localhost/", allowedDomains],
    ["http://[::1]/", allowedDomains],
  ] as const) {
    const { error, usage } = await isolates.execute({ code: `return await api('${url}')`, allowedDomains: lists as unknown as string[][] });
    assert.deepEqual([error?.name, usage.blockedConnections], ["ForbiddenHostError", 1], url);
  }
  for (const url of ["ftp://api.example.com/", "api.example.com", "https://user:secret@api.example.com/", "javascript:1"]) {
    assert.match(await isolates.failure({ code: `return await api('${url}')`, allowedDomains }), /^error 1 TypeError: api\(\) takes an http or https URL/, url);
  }
});

test("redirects are followed as browsers do, and credentials stay with their host", async () => {
  asked = [];
  const options = "{ method: 'POST', body: 'x', headers: { authorization: 'Bearer t', 'x-keep': 'k' } }";
  await isolates.result(api("/other", options));
  const [first, second] = asked;
  assert.deepEqual([first?.headers.authorization, second?.method, second?.url, second?.headers.authorization, second?.headers["x-keep"], second?.body], ["Bearer t", "POST", "https://b.example.com/json", undefined, "k", "x"]);
  asked = [];
  await isolates.result(api("/after-post", options));
  assert.deepEqual([asked[1]?.method, asked[1]?.body, asked[1]?.headers.authorization], ["GET", "", "Bearer t"]);
  const manual = (await isolates.result(api("/away", "{ redirect: 'manual' }"))) as { status: number; headers: Record<string, string> };
  assert.deepEqual([manual.status, manual.headers.location], [302, "https://evil.com/steal"]);
});

test("api is bounded in size, number and time", async () => {
  assert.match(await isolates.failure(api("/large")), /^error 1 LimitError: The response has more than 2097152 bytes/);
  assert.match(await isolates.failure(api("/echo", "{ method: 'POST', body: 'x'.repeat(2e6) }")), /^error 1 LimitError: The arguments of a call have at most/);
  asked = [];
  const code = "let done = 0; try { for (;;) { await api('https://api.example.com/json'); done += 1 } } catch (error) { return [done, error.name] }";
  assert.deepEqual(await isolates.result({ code, allowedDomains }), [50, "LimitError"]);
  assert.equal(asked.length, 50);
  const together = "return (await Promise.allSettled(Array.from({ length: 60 }, () => api('https://api.example.com/json')))).filter(({ status }) => status === 'fulfilled').length";
  assert.equal(await isolates.result({ code: together, allowedDomains }), 50);
});

test("an API that is not allowed is refused by name", async () => {
  for (const [call, apis] of [
    ["console.log(1)", ["api"]],
    ["await api('https://api.example.com/json')", ["console", "db", "ai"]],
    ["await db({ select: { from: 'things' } })", ["console", "api", "ai"]],
    ["await ai('@cf/x', {})", []],
  ] as const) {
    const name = call.replace("await ", "").split("(")[0];
    assert.match(await isolates.failure({ code: call, apis: [...apis], allowedDomains }), new RegExp(`^error 1 NotAllowedError: ${name} is not allowed for this script: add "\\w+" to config.allowedAPIs`), call);
  }
});

test("db reads the databases of the project, and nothing else", async () => {
  await isolates.sql("PROJECT_DB_WIKI", "CREATE TABLE things (id INTEGER, ns TEXT, type TEXT)");
  await isolates.sql("PROJECT_DB_WIKI", "INSERT INTO things VALUES (1, 'wiki', 'Article'), (2, 'wiki', 'Page'), (3, 'news', 'Article')");
  const query = (select: string, database: string | null = "wiki", projectId = "proj_1") => ({ code: `return await db({ select: ${select} })`, database, projectId });
  assert.deepEqual(await isolates.result(query("{ from: 'things', where: { ns: 'wiki', type: 'Article' }, limit: 10 }")), { rows: [{ id: 1, ns: "wiki", type: "Article" }], rowCount: 1 });
  assert.deepEqual(await isolates.result(query("{ from: 'things', columns: ['id'], where: { id: { gte: 2 } }, orderBy: { column: 'id', direction: 'desc' } }")), { rows: [{ id: 3 }, { id: 2 }], rowCount: 2 });
  assert.equal(((await isolates.result(query("{ from: 'things', where: { ns: \"' OR 1=1 --\" } }"))) as { rowCount: number }).rowCount, 0);
  for (const [job, failure] of [
    [query("{ from: 'nowhere' }"), /^error 1 DatabaseError: There is no table: nowhere/],
    [query("{ from: 'things', columns: ['secret'] }"), /^error 1 DatabaseError: There is no column: secret/],
    [query("{ from: 'things; DROP TABLE things' }"), /^error 1 TypeError: select.from must be a name/],
    [query("{ from: 'sqlite_master' }"), /^error 1 TypeError: select.from names a table of the database's own/],
    [query("{ from: 'things' }", null), /^error 1 NotConfiguredError: .*the project names no database/],
    [query("{ from: 'things' }", "unknown"), /^error 1 NotConfiguredError: .*grants the project no database "unknown"/],
    [query("{ from: 'things' }", "private", "proj_2"), /^error 1 NotConfiguredError: .*grants the project no database "private"/],
    [{ code: "return await db('DELETE FROM things')", database: "wiki" }, /^error 1 TypeError: .*it only reads/],
    [{ code: "return await db({ delete: { from: 'things' } })", database: "wiki" }, /^error 1 TypeError: .*it only reads/],
  ] as const) {
    assert.match(await isolates.failure(job), failure, job.code);
  }
  await isolates.sql("PROJECT_DB_WIKI", "CREATE TABLE many (text TEXT)");
  await isolates.sql("PROJECT_DB_WIKI", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO many SELECT hex(zeroblob(1000)) FROM n");
  assert.equal(((await isolates.result(query("{ from: 'many' }"))) as { rowCount: number }).rowCount, 100);
  assert.match(await isolates.failure(query("{ from: 'many', limit: 1001 }")), /select.limit must be a whole number from 1 to 1000/);
  assert.match(await isolates.failure(query("{ from: 'many', limit: 1000 }")), /^error 1 LimitError: The rows have more than 1048576 bytes/);
});

test("db has every documented comparison, and does not show the schema", async () => {
  await isolates.sql("PROJECT_DB_WIKI", "CREATE TABLE numbers (id INTEGER, name TEXT)");
  await isolates.sql("PROJECT_DB_WIKI", "INSERT INTO numbers VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, '100%')");
  const ids = async (select: string) => {
    const code = `return (await db({ select: { from: 'numbers', orderBy: 'id', ${select} } })).rows.map(({ id }) => id)`;
    return isolates.result({ code, database: "wiki" });
  };
  for (const [select, found] of [
    ["where: { id: { eq: 2 } }", [2]],
    ["where: { id: { ne: 2 } }", [1, 3, 4]],
    ["where: { id: { gt: 1, lt: 4 } }", [2, 3]],
    ["where: { id: { gte: 2, lte: 3 } }", [2, 3]],
    ["where: { id: { in: [1, 4, 9] } }", [1, 4]],
    ["where: { name: { like: 't%' } }", [2]],
    ["where: { name: null }", [3]],
    ["limit: 2, offset: 1", [2, 3]],
    ["orderBy: { column: 'id', direction: 'desc' }, limit: 1", [4]],
  ] as const) {
    assert.deepEqual(await ids(select), found, select);
  }
  for (const table of ["pragma_table_list", "pragma_database_list", "pragma_table_info", "_cf_KV", "SQLITE_SCHEMA", "numbers, things", "(SELECT 1)", "main.numbers", "dbstat", "sqlite_stmt"]) {
    assert.match(await isolates.failure({ code: `return await db({ select: { from: '${table}' } })`, database: "wiki" }), /^error 1 (TypeError|DatabaseError): /, table);
  }
});

test("ai calls the binding, and a deployment without one says so", async () => {
  const ask = (model: string, input: string) => `return await ai(${model}, ${input})`;
  assert.deepEqual(await isolates.result(ask("'@cf/meta/llama-3.1-8b-instruct'", "{ prompt: 'Hi' }")), { response: 'You asked @cf/meta/llama-3.1-8b-instruct: {"prompt":"Hi"}' });
  for (const [code, failure] of [
    [ask("''", "{}"), /^error 1 TypeError: The first argument of ai\(\) is a model's name/],
    [ask("'../x y'", "{}"), /^error 1 TypeError: The first argument/],
    [ask("'@cf/x'", "'Hi'"), /^error 1 TypeError: The second argument of ai\(\) is an object/],
    [ask("'@cf/x'", "{ prompt: 'x', stream: true }"), /^error 1 TypeError: ai\(\) answers at once/],
    [ask("'@cf/bytes'", "{}"), /^error 1 AiError: @cf\/bytes answers with bytes/],
    [ask("'@cf/broken'", "{}"), /^error 1 AiError: @cf\/broken gave no answer\.$/],
  ] as const) {
    assert.match(await isolates.failure(code), failure, code);
  }
  assert.match(await bare.failure(ask("'@cf/x'", "{}")), /^error 1 NotConfiguredError: ai\(\) is not configured: this deployment has no AI binding/);
});

test("models were free for every project, and counted nowhere", async () => {
  const code = "return await ai('@cf/metered', { prompt: 'Hi' })";
  const refused = await isolates.failure({ code, projectId: "proj_2" });
  assert.match(refused, /^error 1 NotConfiguredError: ai\(\) is not configured: this deployment grants the project no models\. Its operator grants them with AI_GRANTS/);
  const { usage } = await isolates.execute({ code: `${code.replace("return ", "")}; ${code}` });
  assert.deepEqual({ ...usage.ai, neurons: 0 }, { calls: 2, inputTokens: 14, outputTokens: 10, neurons: 0 });
  assert.ok((usage.ai?.neurons ?? 0) > 0);
  assert.equal((await isolates.execute({ code: "return 1" })).usage.ai, undefined);
});

test("an execution uses no more of models than its project was granted", async () => {
  const loop = "let done = 0; try { for (;;) { await ai('@cf/metered', { prompt: 'Hi' }); done += 1 } } catch (error) { return [done, error.name, error.message] }";
  assert.deepEqual(await isolates.result(loop), [4, "LimitError", "A script of this project may call ai() 4 times."]);
  const together = "return (await Promise.allSettled(Array.from({ length: 9 }, () => ai('@cf/metered', { prompt: 'Hi', max_tokens: 600 })))).map(({ value, reason }) => value?.max_tokens ?? reason.name)";
  const answers = (await isolates.result(together)) as (number | string)[];
  const granted = answers.filter((answer) => typeof answer === "number");
  assert.ok(granted.reduce((sum, tokens) => sum + tokens, 0) < 1_000, `${answers}`);
  assert.ok(granted.length >= 2 && answers.includes("LimitError"), `${answers}`);
  const long = "return await ai('@cf/metered', { prompt: 'x'.repeat(10_000) })";
  assert.match(await isolates.failure(long), /^error 1 LimitError: A script of this project may use 1000 tokens of models/);
});
