//! The console of scripts prints what Node's prints: the same calls run in both.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { Isolates } from "../harness/isolates.ts";

const isolates = await Isolates.start();
after(() => isolates.stop());

/** What Node prints, with standard error behind standard output. */
const ofNode = (code: string): string =>
  execFileSync(inRoot("node_modules", ".bin", "node"), ["-e", `(async () => {${code}\n})()`], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

/** Calls that print to standard output. */
const FORMS = [
  "console.log('%s is %d', 'x', 5)",
  "console.log('%i %f %j %% %s', 1.9, '2.5', { a: 1 }, 7n)",
  "console.log('%o', { f() {} })",
  "console.log('%O', { a: { b: { c: {} } } })",
  "console.log('%c styled', 'color: red')",
  "console.log('%d %d', 'abc')",
  "console.log('100%', 1, 'two')",
  "console.log('%x %s', 1)",
  "console.log()",
  "console.log('')",
  "console.log('a', 1, true, null, undefined, 10n, Symbol('s'), -0, NaN)",
  "console.log([1, , 3], [, ], new Array(5))",
  "console.log(Array.from({ length: 200 }, (_, index) => index))",
  "console.log(['a'.repeat(90), 'b'])",
  "console.log({ a: 'a'.repeat(40), b: 'b'.repeat(40) })",
  "console.log([[[[1]]]], { a: { b: { c: { d: 1 } } } })",
  "console.log('it\\'s', ['it\\'s', 'a\"b', 'line\\nbreak'])",
  "console.log({ 'a-b': 1, [Symbol('k')]: 2, 3: 4 })",
  "console.log({ get a() { return 1 }, set a(value) {}, get b() { return 2 } })",
  "console.log(class A {}, class B extends Array {}, function f() {}, () => {}, async () => {}, function* g() {})",
  "console.log(Object.assign(() => {}, { x: 1 }))",
  "console.log(new (class Point { #hidden = 1; x = 2 })(), Object.create(null), Object.create({ a: 1 }))",
  "console.log(new Map([[{ a: 1 }, new Set([1, 'a'])]]), new WeakMap(), new WeakSet())",
  "console.log(new Date(0), [new Date(0)], new Date(NaN), /x/gi)",
  "console.log(new Uint8Array(3), new ArrayBuffer(4), new Float64Array([1.5]))",
  "console.log(new Number(3), new String('abc'), new Boolean(false))",
  "console.log(Promise.resolve.name, new Promise(() => {}))",
  "const cyclic = { name: 'c' }; cyclic.self = cyclic; console.log(cyclic)",
  "console.log((function () { return arguments })(1, 2))",
  "console.log([undefined, null, [undefined]], JSON, Math)",
  "console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 })",
  "console.dir({ a: { b: { c: { d: 1 } } } }, { depth: null })",
  "console.dir([3, 1], { showHidden: true })",
  "console.info('info'); console.debug('debug')",
  "console.dirxml({ a: 1 }, 'b')",
  "console.table([{ a: 1, b: 'x' }, { a: 2, c: { d: 1 } }])",
  "console.table([[1, 2], [3, [4, { a: 1 }]]])",
  "console.table([1, 'x', null])",
  "console.table(new Map([['a', 1], ['b', { c: 1 }]]))",
  "console.table(new Set([1, 'é日本']))",
  "console.table({ x: { a: 1, b: 2 }, y: { a: 2 } }, ['a'])",
  "console.table([]); console.table(5); console.table('text')",
  "console.table([{ a: { b: 1, c: 2, d: 3 } }, { a: [1, 2, 3, 4] }])",
  "console.group('outer'); console.log('a\\nb'); console.group(); console.log({ a: 1 }); console.groupEnd(); console.table([1]); console.groupEnd(); console.log('end')",
  "console.groupEnd(); console.groupCollapsed('closed'); console.log('within')",
  "console.count(); console.count(); console.count('x'); console.countReset(); console.count(); console.count(undefined); console.count(null)",
];

test("each way to print gives what Node gives", async () => {
  for (const code of FORMS) {
    const { stdout, stderr, status } = await isolates.execute(code);
    assert.deepEqual([status, stderr], ["success", ""], code);
    assert.equal(stdout, ofNode(code), code);
  }
});

test("what goes to standard error begins as Node's does", async () => {
  for (const call of [
    "console.error('%s!', 'no')",
    "console.warn([1])",
    "console.assert(false)",
    "console.assert(false, 'said %s', 'so')",
    "console.assert(false, { a: 1 }, 2)",
    "console.assert(true, 'not said')",
    "console.trace('here %d', 1)",
    "console.trace()",
    "console.error(new TypeError('wrong'))",
    "console.error(Object.assign(new Error('with a code'), { code: 'E1' }).message)",
  ]) {
    const { stderr } = await isolates.execute(call);
    const node = ofNode(`console._stderr = console._stdout; const { Console } = require('console'); globalThis.console = new Console(process.stdout); ${call}`);
    assert.equal(stderr.split("\n")[0], node.split("\n")[0], call);
  }
});

test("timers print a duration, and those that do not exist say so", async () => {
  const { stdout, stderr } = await isolates.execute("console.time('t'); console.timeLog('t', 'more'); console.timeEnd('t'); console.timeEnd('t'); console.time(); console.time(); console.countReset('c')");
  assert.match(stdout, /^t: [\d.]+m?s more\nt: [\d.]+m?s\n$/);
  assert.deepEqual(stderr.split("\n"), ["Warning: No such label 't' for console.timeEnd()", "Warning: Label 'default' already exists for console.time()", "Warning: Count for 'c' does not exist", ""]);
});
