//! What scripts give: results, log lines, errors in the author's own lines.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Isolates } from "../harness/isolates.ts";

const isolates = await Isolates.start();
after(() => isolates.stop());

test("a script is the body of an asynchronous function", async () => {
  for (const [code, result] of [
    ["return 1 + 1", 2],
    ["return Math.sqrt(16) * 2", 8],
    ["", null],
    ["return", null],
    ["return undefined", null],
    ["return [1, 'a', null, { b: true }]", [1, "a", null, { b: true }]],
    ["return await new Promise((resolve) => setTimeout(resolve, 5, 'late'))", "late"],
    ["const values = []; for await (const value of [1, Promise.resolve(2)]) values.push(value); return values", [1, 2]],
    ["return new Date(0)", "1970-01-01T00:00:00.000Z"],
    ["return { toJSON: () => 'own form' }", "own form"],
    ["return this === undefined", true],
    ["return 1 // the end", 1],
    ["function script() { return 3 } return script()", 3],
    ["const context = 1, console = 2, api = 3, db = 4, ai = 5; return context + ai", 6],
    ["return typeof atob + typeof URL + typeof crypto.subtle + typeof structuredClone + typeof TextEncoder", "functionfunctionobjectfunctionfunction"],
    ["return '\\u{1f600}'.length", 2],
  ] as const) {
    assert.deepEqual(await isolates.result(code), result, code);
  }
  assert.equal(await isolates.result({ code: "return `Hello ${context.name}!`", context: { name: "World" } }), "Hello World!");
  assert.deepEqual(await isolates.result({ code: "context.a.push(2); return context", context: { a: [1] } }), { a: [1, 2] });
});

test("TypeScript features work", async () => {
  for (const [code, result] of [
    ["interface User { name: string; age: number }\nconst user: User = { name: 'John', age: 30 }\nreturn user.name", "John"],
    ["enum Color { Red, Green = 5, Blue, Named = 'n' }\nreturn [Color.Red, Color.Blue, Color[5], Color.Named]", [0, 6, "Green", "n"]],
    ["const enum Flag { A = 1 << 2, B = A | 1 }\nreturn Flag.B", 5],
    ["namespace Shapes { export const sides = 4; export namespace Deep { export const x = sides + 1 } }\nreturn Shapes.Deep.x", 5],
    ["class P { constructor(private readonly x: number, public y?: string) {} get double(): number { return this.x * 2 } }\nreturn new P(21).double", 42],
    ["abstract class A { abstract f(): number } class B extends A { f() { return 1 } }\nreturn new B().f()", 1],
    ["function f(x: string): string; function f(x: number): number; function f(x: any) { return x }\nreturn f(7)", 7],
    ["const identity = <T,>(value: T): T => value\nreturn identity<number>(8)!", 8],
    ["const value = { a: 1 } as const satisfies Record<string, number>\nreturn (value as { a: number }).a", 1],
    ["type Only<T> = { [K in keyof T]?: T[K] }\nlet x: Only<{ a: 1 }> | undefined\nreturn x?.a ?? 'none'", "none"],
    ["class C { static #count = 0; declare name: string; static { C.#count = 3 } static get count() { return C.#count } }\nreturn C.count", 3],
    ["import type { Foo } from 'foo'\nlet process: typeof globalThis | 1 = 1\nreturn process", 1],
  ] as const) {
    assert.deepEqual(await isolates.result({ code, language: "typescript" }), result, code);
  }
});

test("errors name the author's lines", async () => {
  const javascript = "const twice = (f) => [1].map(() => f());\n\nfunction fails() {\n  throw new RangeError('too\\nfar')\n}\ntwice(fails)";
  const typescript = "enum E { A }\ninterface I { x: number }\nasync function fails(i: I): Promise<void> {\n  await null;\n  for (const x of [i]) { if (E.A === 0) throw new RangeError('far') }\n}\nawait fails({ x: 1 })";
  for (const [code, language, places] of [
    [javascript, "javascript", ["fails (code.js:4:9)", "code.js:1:36", "twice (code.js:1:26)", "code.js:6:1"]],
    [typescript, "typescript", ["fails (code.ts:5:47)", "code.ts:7:1"]],
  ] as const) {
    const { status, exitCode, error, stderr, success } = await isolates.execute({ code, language });
    assert.deepEqual([status, exitCode, success, error?.name], ["error", 1, false, "RangeError"]);
    const frames = error?.stack?.split("\n").filter((line) => line.startsWith("    at ")).map((line) => line.slice(7).replace("async ", ""));
    assert.deepEqual(frames, places, error?.stack ?? "");
    assert.deepEqual(`${error?.line}:${error?.column}`, places[0].match(/\d+:\d+/)?.[0]);
    assert.equal(stderr, `${error?.stack}\n`);
  }
});

test("an error that is logged or returned shows the author's lines, too", async () => {
  const { stderr, result } = await isolates.execute("console.error(new Error('seen'))\nreturn new Error('kept').stack");
  assert.equal(stderr, "Error: seen\n    at code.js:1:15\n");
  assert.equal(result, "Error: kept\n    at code.js:2:8");
});

test("any thrown value is an error", async () => {
  for (const [code, failure] of [
    ["throw new TypeError('boom')", "error 1 TypeError: boom"],
    ["class MyError extends Error { name = 'MyError' }\nthrow new MyError('own')", "error 1 MyError: own"],
    ["throw { a: 1 }", "error 1 Error: Uncaught { a: 1 }"],
    ["throw 'text'", "error 1 Error: Uncaught text"],
    ["throw undefined", "error 1 Error: Uncaught undefined"],
    ["throw null", "error 1 Error: Uncaught null"],
    ["throw Object.create(null)", "error 1 Error: Uncaught [Object: null prototype] {}"],
    ["throw Symbol('s')", "error 1 Error: Uncaught Symbol(s)"],
    ["await Promise.reject(new Error('later'))", "error 1 Error: later"],
    ["throw new AggregateError([new Error('a')], 'all')", "error 1 AggregateError: all"],
    ["throw new DOMException('no', 'AbortError')", "error 1 AbortError: no"],
    ["const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw 1 } }); throw e", "error 1 Error: x"],
    ["throw new Proxy({}, { get() { throw 1 } })", "error 1 Error: Uncaught [a value that cannot be printed]"],
  ] as const) {
    assert.equal(await isolates.failure(code), failure, code);
  }
});

test("code that does not parse is an error with its place", async () => {
  for (const [code, language, name, place] of [
    ["return 1 +", "javascript", "SyntaxError", "1:11"],
    ["\n  const = 1", "typescript", "SyntaxError", "2:9"],
    ["let x = 1\nlet x = 2", "javascript", "SyntaxError", "1:5"],
    ["} evil(); {", "javascript", "SyntaxError", "1:1"],
    ["const fs = require('fs')", "javascript", "ValidationError", "1:12"],
    ["return eval('1')", "typescript", "ValidationError", "1:8"],
    ["await import('node:fs')", "javascript", "ValidationError", "1:7"],
  ] as const) {
    const { error, status, exitCode } = await isolates.execute({ code, language });
    assert.deepEqual([status, exitCode, error?.name, `${error?.line}:${error?.column}`], ["error", 1, name, place], code);
  }
  // What only V8 finds, and only when it loads the module.
  const { error } = await isolates.execute("return 1\n/(?<a>.)(?<a>.)/");
  assert.deepEqual([error?.name, error?.line], ["SyntaxError", 2], JSON.stringify(error));
});

test("the console keeps the log: in order, by level, as Node prints it", async () => {
  const code = `
    console.log('a', 1, { b: [1, { c: new Map([[1, 'x']]) }] }, null, undefined)
    console.info('info %s', 'as it is'); console.debug(10n, Symbol('s'), -0, NaN)
    console.warn(new Set([1, 'a']), /x/g, new Date(0), class A {}, () => {}, new Uint8Array(2))
    console.error('error'); console.assert(false, 'said'); console.assert(true, 'not said')
    console.count(); console.count(); console.group('group'); console.log('within'); console.groupEnd(); console.table(1)
    const cyclic = { name: 'c' }; cyclic.self = cyclic; console.log(cyclic, [[[[1]]]])
    class Point { constructor() { this.x = 1 } }; console.log(new Point(), Object.create(null), new Proxy({}, { ownKeys() { throw 1 } }))
    Promise.reject(new TypeError('nobody waits')); await new Promise((resolve) => setTimeout(resolve, 10))`;
  const { logs, stdout, stderr, status } = await isolates.execute(code);
  assert.equal(status, "success");
  assert.deepEqual(
    logs.map(({ level, message }) => `${level} ${message}`.split("\n")[0]),
    [
      "log a 1 { b: [ 1, { c: [Map] } ] } null undefined",
      "info info as it is",
      "debug 10n Symbol(s) -0 NaN",
      "warn Set(2) { 1, 'a' } /x/g 1970-01-01T00:00:00.000Z [class A] [Function (anonymous)] Uint8Array(2) [ 0, 0 ]",
      "error error",
      "error Assertion failed: said",
      "log default: 1",
      "log default: 2",
      "log group",
      "log   within",
      "log 1",
      "log <ref *1> { name: 'c', self: [Circular *1] } [ [ [ [Array] ] ] ]",
      "log Point { x: 1 } [Object: null prototype] {} [a value that cannot be printed]",
      "error Uncaught (in promise) TypeError: nobody waits",
    ],
  );
  const times = logs.map(({ timeMs }) => timeMs);
  assert.deepEqual(times, times.toSorted((one, other) => one - other));
  const lines = (levels: string[]) => logs.filter(({ level }) => levels.includes(level)).map(({ message }) => `${message}\n`).join("");
  assert.equal(stdout, lines(["log", "info", "debug"]));
  assert.equal(stderr, lines(["warn", "error"]));
});

test("validation lists everything, and languages tell their versions", async () => {
  const validate = async (code: string, language: string) => (await (await isolates.call("/v1/validations", { code, language })).json()) as { errors: { rule: string; line: number; column: number }[] };
  const { errors } = await validate("// require('x')\nrequire('x'); const s = 'eval(1)'\nprocess.exit()", "typescript");
  assert.deepEqual(errors.map(({ rule, line, column }) => `${rule} ${line}:${column}`), ["require 2:1", "process 3:1"]);
  const { languages } = (await (await isolates.call("/v1/languages")).json()) as { languages: Record<string, Record<string, string>> };
  assert.deepEqual(Object.keys(languages), ["javascript", "typescript"]);
  assert.match(languages.typescript?.oxc ?? "", /^\d+\.\d+\.\d+$/);
});
