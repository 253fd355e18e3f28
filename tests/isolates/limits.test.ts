//! What happens at the limits. docs/isolates-limits.md has the same as a table.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Isolates } from "../harness/isolates.ts";
import { until } from "../harness/until.ts";

const isolates = await Isolates.start();
after(() => isolates.stop());

const timedOut = (limit: number) => `timeout 124 TimeoutError: The script did not end within ${limit} ms, its config.timeout.`;

test("a script that goes on ends at its limit, whatever it does", async () => {
  for (const code of [
    "while (true) {}",
    "for (;;);",
    "do ; while (1)",
    "for (;;) { try { for (;;) {} } catch {} }",
    "for (;;) { try { for (;;) {} } finally { continue } }",
    "a: for (;;) { for (;;) continue a }",
    "function f() { try { f() } catch { f() } } f()",
    "const f = () => { for (;;) f }; f()",
    "for (;;) await 1",
    "const f = async () => { await null; await f() }; await f()",
    "const f = () => Promise.resolve().then(f); await f()",
    "await new Promise(() => {})",
    "await new Promise((resolve) => setTimeout(resolve, 60000))",
    "function* g() { for (;;) yield 1 } for (const x of g()) ;",
    "while (true) { try { null.x } catch {} }",
    "[1].forEach(function f() { [1].forEach(() => { for (;;) {} }) })",
    "class A { static { for (;;) {} } }",
    "setInterval(() => {}, 1); await new Promise(() => {})",
  ]) {
    assert.equal(await isolates.failure({ code, timeoutMs: 150 }), timedOut(150), code);
  }
});

test("the log of an unfinished script is kept", async () => {
  const { logs, status } = await isolates.execute({ code: "console.log('before'); while (true) {}", timeoutMs: 100 });
  assert.deepEqual([status, logs.map(({ message }) => message)], ["timeout", ["before"]]);
});

test("an operation that cannot be interrupted ends with its process, and the next script finds another one", async () => {
  for (const code of [
    "return /^(a+)+$/.test('a'.repeat(50) + 'b')",
    // Turns of the event loop without a function of the script's own.
    "const endless = {}; endless.then = [].forEach.bind([endless]); await endless",
  ]) {
    const before = isolates.pids;
    assert.equal(await isolates.failure({ code, timeoutMs: 100 }), timedOut(100), code);
    assert.equal(await isolates.result("return 1"), 1);
    await until("another process", () => isolates.pids.length === before.length && isolates.pids.some((pid) => !before.includes(pid)), 60);
  }
});

test("a script that takes too much memory is told so", async () => {
  for (const code of [
    "const kept = []; for (;;) kept.push(new Uint8Array(16e6).fill(1))",
    "const kept = []; for (let i = 0; ; i++) kept.push({ i, text: 'x' + i })",
  ]) {
    assert.equal(await isolates.failure({ code, timeoutMs: 30_000 }), "memory 137 MemoryError: The script needed more memory than there is for one.", code);
  }
  assert.equal(await isolates.result("return 1"), 1);
});

test("a script's own failures at the limits of the language are its errors", async () => {
  assert.equal(await isolates.failure("function f() { return f() + 1 } f()"), "error 1 RangeError: Maximum call stack size exceeded");
  assert.match(await isolates.failure("return 'x'.repeat(2 ** 30)"), /^error 1 RangeError: Invalid string length/);
  assert.match(await isolates.failure("return new Array(-1)"), /^error 1 RangeError: Invalid array length/);
});

test("ten million log lines keep the first thousand", async () => {
  const { logs, truncated, result, stdout } = await isolates.execute({ code: "for (let i = 0; i < 1e7; i++) console.log('line', i); console.warn('w'); return 'done'", timeoutMs: 30_000 });
  assert.equal(result, "done");
  assert.equal(logs.length, 1_000);
  assert.deepEqual([logs[0]?.message, logs[999]?.message], ["line 0", "line 999"]);
  assert.deepEqual(truncated, { stdout: true, stderr: true });
  assert.equal(stdout.split("\n").length, 1_001);
  const long = await isolates.execute("for (let i = 0; i < 100; i++) console.error('\\u00e9'.repeat(60000)); return 1");
  assert.deepEqual([long.logs.length, long.truncated], [17, { stdout: false, stderr: true }]);
  const huge = await isolates.execute("console.log('x'.repeat(5e6)); return 1");
  assert.deepEqual([huge.logs[0]?.message.length, huge.truncated.stdout], [65_537, false]);
});

test("a result is JSON of a megabyte at most", async () => {
  assert.equal(((await isolates.result("return 'x'.repeat(1e6)")) as string).length, 1e6);
  const failures = [
    ["return 'x'.repeat(50e6)", /^error 1 ResultError: The result has 50000002 characters as JSON; the limit is 1048576 bytes\./],
    ["return '\u00e9'.repeat(6e5)", /^error 1 ResultError: The result has 1200002 bytes as JSON; the limit is 1048576\./],
    ["const a = {}; a.a = a; return a", /^error 1 ResultError: The result cannot be written as JSON: Converting circular structure to JSON/],
    ["return () => 1", /^error 1 ResultError: The script returned a function, which is no JSON/],
    ["return Symbol()", /^error 1 ResultError: The script returned a symbol/],
    ["return 10n", /^error 1 ResultError: The result cannot be written as JSON: Do not know how to serialize a BigInt/],
    ["return { get a() { throw new Error('no') } }", /^error 1 ResultError: The result cannot be written as JSON: no/],
    ["return new Proxy({}, { ownKeys() { throw 1 } })", /^error 1 ResultError/],
  ] as const;
  for (const [code, failure] of failures) assert.match(await isolates.failure(code), failure, code);
  assert.deepEqual(await isolates.result("return { f() {}, m: new Map([[1, 2]]), e: new Error('x'), n: NaN, u: undefined }"), { m: {}, e: {}, n: null });
  let deep: unknown = await isolates.result("let deep = []; for (let i = 0; i < 3000; i++) deep = [deep]; return deep");
  let depth = 0;
  while (Array.isArray(deep) && deep.length === 1) [deep, depth] = [deep[0], depth + 1];
  assert.equal(depth, 3_000);
});

test("a script that replaces built-in objects harms itself only", async () => {
  for (const [code, outcome] of [
    ["Object.prototype.toJSON = () => 'poison'; console.log({ a: 1 }); return { a: 1 }", { result: "poison" }],
    ["JSON.stringify = () => 'pwn'; JSON.parse = null; return { a: 1 }", { result: { a: 1 } }],
    ["globalThis.Promise = null; return 5", { result: 5 }],
    ["Promise.prototype.then = () => {}; return 6", { result: 6 }],
    ["Promise.resolve = Promise.race = () => { throw 1 }; return 7", { result: 7 }],
    ["globalThis.Response = class { constructor() { throw 1 } }; return 8", { result: 8 }],
    ["String.prototype.slice = String.prototype.replaceAll = () => 'x'; Array.prototype.push = Array.prototype.map = () => { throw 1 }; console.log([1, 'a']); return 9", { result: 9 }],
    ["globalThis.setTimeout = globalThis.performance = null; return 10", { result: 10 }],
    ["Error.prepareStackTrace = () => { throw 1 }; throw new Error('x')", { error: "Error" }],
    ["Error.prepareStackTrace = () => 'at main.js:1:1'; throw new Error('x')", { error: "Error" }],
    ["for (let i = 0; i < 1e4; i++) clearTimeout(i); await new Promise(() => {})", { error: "IsolateError" }],
    ["Object.defineProperty(Object.prototype, 'then', { get() { throw 1 } }); return 11", { error: "IsolateError" }],
    ["Object.defineProperty(Array.prototype, '0', { set() { throw 1 } }); console.log('a'); return 12", { result: 12 }],
    ["Map.prototype.get = Set.prototype.add = () => { throw 1 }; console.count(); return 13", { error: "Error" }],
    ["globalThis.Error = null; null.x", { error: "TypeError" }],
    ["Reflect.apply = Reflect.ownKeys = null; console.log({ a: 1 }); return 14", { result: 14 }],
    ["Object.prototype.error = 'e'; Object.prototype.expired = true; Object.prototype.result = 'r'; return 15", { result: 15 }],
  ] as const) {
    const { error, result } = await isolates.execute({ code, timeoutMs: 1_000 });
    assert.deepEqual(error === null ? { result } : { error: error.name }, outcome, `${code}: ${error?.message}`);
    assert.deepEqual(await isolates.result("return { a: [1] }"), { a: [1] });
  }
});

test("a hundred concurrent scripts have a hundred results, beside some that never end", async () => {
  const hostile = ["while (true) {}", "await new Promise(() => {})", "console.log('x'.repeat(1e6)); for (;;) await 1", "return 'x'.repeat(50e6)"];
  const endless = hostile.map((code) => isolates.execute({ code, timeoutMs: 400 }));
  const results = await Promise.all(Array.from({ length: 100 }, (_, number) => isolates.execute({ code: `await null; return ${number}`, timeoutMs: 30_000 })));
  assert.deepEqual(results.map(({ result, error }) => result ?? error), Array.from({ length: 100 }, (_, number) => number));
  assert.deepEqual((await Promise.all(endless)).map(({ status }) => status), ["timeout", "timeout", "timeout", "error"]);
});
