//! Cells of JavaScript and TypeScript, each with exactly what it writes, shows and fails with.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { RunnerContext } from "../../harness/contexts.ts";
import type { AnyRunner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";

type Row = [code: string, ...order: string[]];

const JAVASCRIPT: Row[] = [
  ["1 + 1", "result:2"],
  ["const x = 5; x * 2", "result:10"],
  ["const x = 6; x", "result:6"],
  ["let { a, b: [c] } = { a: 1, b: [2] }; a + c", "result:3"],
  ["class A { #p = 1; get p() { return this.#p } }; new A().p", "result:1"],
  ["function f() { return 7 } f()", "result:7"],
  ["undefined"],
  ["null", "result:null"],
  ["'text'", "result:'text'"],
  ["123n", "result:123n"],
  ["-0", "result:-0"],
  ["Symbol('x')", "result:Symbol(x)"],
  ["new Map([[1, 2]])", "result:Map(1) { 1 => 2 }"],
  ["const o = {}; o.o = o; o", "result:<ref *1> { o: [Circular *1] }"],
  ["await new Promise((done) => setTimeout(() => done(8), 5))", "result:8"],
  ["const late = await Promise.resolve(9); late", "result:9"],
  ["late", "result:9"],
  ["const late = 10; const later = `\nconst late`; later", "result:'\\nconst late'"],
  ["const late = await 11; late", "result:11"],
  ["Promise.resolve(10)", "result:10"],
  ["async function g() { return 4 }\nawait g()", "result:4"],
  ["const fs = require('fs'); fs.existsSync('/')", "result:true"],
  ["import os from 'node:os'; typeof os.cpus", "result:'function'"],
  ["import { join as j, sep } from 'path'\nimport * as path from 'path'\nj('a', 'b') + path.sep", "result:'a/b/'"],
  ["(await import('node:path')).basename('a/b') // import('c')", "result:'b'"],
  ["`import a from 'b'`", "result:\"import a from 'b'\""],
  ["typeof fetch + typeof URL + typeof crypto + typeof structuredClone + typeof TextEncoder", "result:'functionfunctionobjectfunctionfunction'"],
  ["console.log('a'); console.error('b'); console.log('c', { d: [1] }); 3", "out:a\n", "err:b\n", "out:c { d: [ 1 ] }\n", "result:3"],
  ["console.log('before'); display.html('<i>1</i>'); console.log('after')", "out:before\n", "result:text/html", "out:after\n"],
  ["require('child_process').execSync('echo child', { stdio: 'inherit' }); console.log('after')", "out:child\nafter\n"],
  ["process.stdout.write('no newline'); undefined", "out:no newline"],
  ["null.x", "error:TypeError"],
  ["console.log('before'); throw new RangeError('r')", "out:before\n", "error:RangeError"],
  ["class Q extends Error {}; throw new Q('sub')", "error:Q"],
  ["throw 'text'", "error:Error"],
  ["const y = = 2", "error:SyntaxError"],
  ["return 5", "error:SyntaxError"],
  ["Promise.reject(new TypeError('rejected')); 1", "error:TypeError"],
  ["setTimeout(() => { throw new RangeError('timer') }, 1); await new Promise(() => {})", "error:RangeError"],
  ["(function r() { r() })()", "error:RangeError"],
  ["import nope from 'nonesuch'", "error:Error"],
  ["require('./nonesuch')", "error:Error"],
  ["process.stdin.read()", "result:null"],
  ["debugger; 1", "result:1"],
  ["x", "result:6"],
];

const TYPESCRIPT: Row[] = [
  ["const n: number = 3; n * 2", "result:6"],
  ["interface I { a: string }\nconst i: I = { a: 'b' }; i.a as string", "result:'b'"],
  ["enum E { A = 1, B }; E.B", "result:2"],
  ["E.A", "result:1"],
  ["import type { X } from 'nonesuch'; import fs, { type Stats } from 'fs'; typeof fs.readFileSync", "result:'function'"],
  ["function id<T>(value: T): T { return value }\nid<number>(4)", "result:4"],
  ["let q: number = ;", "error:SyntaxError"],
  ["throw new TypeError('ts') as unknown", "error:TypeError"],
  ["const n: string = 'again'; n", "result:'again'"],
];

export function nodeCells(runner: AnyRunner): void {
  describe("cells of Node.js", () => {
    let sandbox: RunnerSandbox;
    let context: RunnerContext;
    before(async () => {
      sandbox = await RunnerSandbox.create(runner);
      context = await RunnerContext.create(sandbox, "javascript");
    });

    test("JavaScript comes as it is", async () => {
      for (const [code, ...order] of JAVASCRIPT) assert.deepEqual((await context.run(code)).order, order, code);
    });

    test("TypeScript is run without its types", async () => {
      const typescript = await RunnerContext.create(sandbox, "typescript");
      for (const [code, ...order] of TYPESCRIPT) assert.deepEqual((await typescript.run(code)).order, order, code);
    });

    test("an error has the lines of its author and no others", async () => {
      const thrown = await context.run("function deep() {\n  throw new TypeError('boom')\n}\ndeep()");
      const name = `cell-${thrown.count}`;
      assert.deepEqual(thrown.error, { name: "TypeError", message: "boom", traceback: ["TypeError: boom", `    at deep (${name}:2:9)`, `    at ${name}:4:1`] });
      const syntax = await context.run("let z = 1;\nconst y = = 2");
      assert.deepEqual(syntax.error?.traceback, [`cell-${syntax.count}:2`, "const y = = 2", "          ^", "SyntaxError: Unexpected token '='"]);
      const caused = await context.run("throw new Error('a', { cause: new TypeError('b') })");
      assert.deepEqual(caused.error?.traceback.filter((line) => !line.startsWith("    at cell-")), ["Error: a", "[cause]: TypeError: b"]);
      const logged = await context.run("console.log(new Error('logged').stack)");
      assert.match(logged.out, /^Error: logged\n    at cell-\d+:1:13\n$/);
    });

    test("values have all the formats that they know", async () => {
      const results = async (code: string) => (await context.run(code)).results;
      assert.deepEqual(await results("({ a: [1, null], b: { c: 'd' } })"), [{ "text/plain": "{ a: [ 1, null ], b: { c: 'd' } }", "application/json": { a: [1, null], b: { c: "d" } } }]);
      assert.deepEqual(await results("({ n: 1n })"), [{ "text/plain": "{ n: 1n }" }]);
      assert.deepEqual(await results("display(1); display.png(new Uint8Array([137, 80])); ({ [Symbol.for('Jupyter.display')]: () => ({ 'text/plain': 'j', 'text/csv': '1' }) })"), [
        { "text/plain": "1" },
        { "text/plain": "image/png", "image/png": "iVA=" },
        { "text/plain": "j", "text/csv": "1" },
      ]);
      const [long] = await results("'x'.repeat(3_000_000)");
      assert.ok(String(long?.["text/plain"]).length < 1_100_000);
    });

    test("variables of a cell are gone after it", async () => {
      assert.deepEqual((await context.run("process.env.ONCE", { env: { ONCE: "yes" } })).texts, ["'yes'"]);
      assert.deepEqual((await context.run("process.env.ONCE")).texts, []);
    });
  });
}
