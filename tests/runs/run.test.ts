//! What a program gets, and what its result says: languages, input, files, endings and limits.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle, type RunResult } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

const python = (code: string, rest: object = {}) => ({ lang: "python", code, ...rest });
const node = (code: string, rest: object = {}) => ({ lang: "node", code, ...rest });
const file = (path: string, content = "") => ({ path, content });

/** What a program is asked, and the part of its result that must come out. */
type Case = [name: string, body: object, expected: Partial<RunResult>];

function table(cases: Case[]) {
  for (const [name, body, expected] of cases) {
    test(name, async () => assert.partialDeepStrictEqual(await docle.run(body), expected));
  }
}

const success = { ok: true, status: "success", exitCode: 0, signal: null, stderr: "" };

describe("a program", () => {
  table([
    ["prints, in Python", python("print(40 + 2)"), { ...success, stdout: "42\n" }],
    ["prints, in Node", node("console.log(40 + 2)"), { ...success, stdout: "42\n" }],
    ["is an ES module where its name says so", node("await 1; console.log(import.meta.filename)", { entrypoint: "a.mjs" }), { ...success, stdout: "/workspace/a.mjs\n" }],
    ["may be empty", python(""), { ...success, stdout: "" }],
    ["prints nothing when it prints nothing", node(""), { ...success, stdout: "" }],
    ["writes both streams", python("import sys; print('o'); print('e', file=sys.stderr)"), { ok: true, stdout: "o\n", stderr: "e\n" }],
    ["keeps every character", python("print('é ✓ 🦀 \\u0000 \"\\\\')"), { ...success, stdout: 'é ✓ 🦀 \u0000 "\\\n' }],
    ["reads standard input, in Python", python("print(input() + '!')", { stdin: "hé\n" }), { ...success, stdout: "hé!\n" }],
    ["reads standard input, in Node", node("process.stdin.pipe(process.stdout)", { stdin: "a\nb" }), { ...success, stdout: "a\nb" }],
    ["meets the end of input where none was sent", python("import sys; print(repr(sys.stdin.read()))"), { ...success, stdout: "''\n" }],
    ["gets its arguments, in Python", python("import sys; print(sys.argv[1:])", { args: ["a b", "-x", "", "é"] }), { ...success, stdout: "['a b', '-x', '', 'é']\n" }],
    ["gets its arguments, in Node", node("console.log(process.argv.slice(2).join('|'))", { args: ["$HOME", "`id`"] }), { ...success, stdout: "$HOME|`id`\n" }],
    ["gets its environment, in Python", python("import os; print(os.environ['GREETING'])", { env: { GREETING: "a=b c" } }), { ...success, stdout: "a=b c\n" }],
    ["gets its environment, in Node", node("console.log(process.env.GREETING)", { env: { GREETING: "é" } }), { ...success, stdout: "é\n" }],
    ["starts in /workspace", python("import os; print(os.getcwd())"), { ...success, stdout: "/workspace\n" }],
    ["may write files beside itself", python("open('a', 'w').write('1'); print(open('a').read())"), { ...success, stdout: "1\n" }],
    ["is stored where the entry point says", python("print(__file__)", { entrypoint: "src/app.py" }), { ok: true, stderr: "" }],
    ["may tell for whom it runs", python("print(1)", { userContext: { id: "u1", tier: "pro", metadata: { a: [1] } } }), { ...success, stdout: "1\n" }],
  ]);
});

describe("several files", () => {
  table([
    [
      "import each other from directories, in Python",
      { lang: "python", files: [file("main.py", "from models.user import name\nprint(name)"), file("models/user.py", "name = 'Alice'")] },
      { ...success, stdout: "Alice\n" },
    ],
    [
      "import each other from directories, in Node",
      { lang: "node", files: [file("main.js", "console.log(require('./a/b/c'))"), file("a/b/c.js", "module.exports = require('../d.json').x"), file("a/d.json", '{"x": 7}')] },
      { ...success, stdout: "7\n" },
    ],
    [
      "start where the entry point is",
      { lang: "python", entrypoint: "app/run.py", files: [file("app/run.py", "import lib.x"), file("lib/x.py", "print('from the root')")] },
      { ...success, stdout: "from the root\n" },
    ],
    ["may be read as data", { lang: "python", files: [file("main.py", "print(open('data/ü n.txt').read())"), file("data/ü n.txt", "hé")] }, { ...success, stdout: "hé\n" }],
    [
      "may be a thousand",
      { lang: "python", files: [file("main.py", "import os; print(len(os.listdir('d')))"), ...Array.from({ length: 999 }, (_, i) => file(`d/${i}.txt`, `${i}`))] },
      { ...success, stdout: "999\n" },
    ],
  ]);
});

test("a program that starts never sees only some of its files", async () => {
  const rest = Array.from({ length: 999 }, (_, i) => file(`d/${i}.txt`, `${i}`));
  const counts = { lang: "python", files: [file("main.py", "import os; print(len(os.listdir('d')))"), ...rest] };
  // Again and again, back to back: an interpreter that is only just starting must not overtake the files.
  for (let again = 0; again < 20; again++) assert.equal((await docle.run(counts)).stdout, "999\n");
});

describe("an ending", () => {
  const killed = (signal: string, exitCode: number) => ({ ok: false, status: "killed", signal, exitCode });
  table([
    ["with an exit code is an error", python("import sys; print('x'); sys.exit(3)"), { ok: false, status: "error", exitCode: 3, signal: null, stdout: "x\n" }],
    ["with an exit code is an error, in Node", node("process.exitCode = 7"), { ok: false, status: "error", exitCode: 7, signal: null }],
    ["without cleaning up is an error", python("import os; os._exit(4)"), { ok: false, status: "error", exitCode: 4 }],
    ["by a crash names its signal", python("import ctypes; ctypes.string_at(0)"), killed("SIGSEGV", 139)],
    ["by abort names its signal", node("process.abort()"), killed("SIGABRT", 134)],
    ["by its own hand names its signal", python("import os; os.kill(os.getpid(), 9)"), killed("SIGKILL", 137)],
    ["by SIGTERM names its signal", node("process.kill(process.pid, 'SIGTERM'); setInterval(() => 0, 1e6)"), killed("SIGTERM", 143)],
    ["at the time limit is 124 and keeps the output", python("print('before', flush=True)\nwhile True: pass", { policy: { timeoutMs: 400 } }), { ok: false, status: "timeout", exitCode: 124, stdout: "before\n" }],
    ["at the time limit ends the children too", python("import subprocess; print('a', flush=True); subprocess.run(['sleep', '600'])", { policy: { timeoutMs: 400 } }), { status: "timeout", exitCode: 124, stdout: "a\n" }],
    ["at the time limit, in Node", node("console.log('a'); setInterval(() => 0, 1e6)", { policy: { timeoutMs: 600 } }), { status: "timeout", exitCode: 124, stdout: "a\n" }],
    ["at the memory limit says so", python("print('a', flush=True)\nx = []\nwhile True: x.append(bytearray(1 << 20))", { policy: { memoryMB: 64, timeoutMs: 20_000 } }), { ok: false, status: "memory", stdout: "a\n" }],
    ["at the output limit says which stream", python("while True: print('x' * 1023)", { policy: { maxOutputBytes: 2_048, timeoutMs: 20_000 } }), { ok: false, status: "output", truncated: { stdout: true, stderr: false } }],
    ["at the output limit of stderr", python("import sys\nwhile True: print('x' * 1023, file=sys.stderr)", { policy: { maxOutputBytes: 2_048, timeoutMs: 20_000 } }), { status: "output", truncated: { stdout: false, stderr: true } }],
    ["takes along what the program left running", python("import os, time\nif os.fork() == 0:\n  os.setsid(); time.sleep(60); print('late', flush=True)\nprint('done')"), { ...success, stdout: "done\n" }],
  ]);

  test("by an exception keeps the trace", async () => {
    const result = await docle.run(python("1 / 0"));
    assert.partialDeepStrictEqual(result, { ok: false, status: "error", exitCode: 1 });
    assert.match(result.stderr, /ZeroDivisionError/);
  });

  for (const [lang, code] of [["python", "print("], ["node", "console.log("]]) {
    test(`by a syntax error is an error, in ${lang}`, async () => {
      const result = await docle.run({ lang, code });
      assert.partialDeepStrictEqual(result, { ok: false, status: "error", exitCode: 1, stdout: "" });
      assert.match(result.stderr, /SyntaxError/);
    });
  }
});

describe("output", () => {
  const limit = (maxOutputBytes: number) => ({ policy: { maxOutputBytes, timeoutMs: 20_000 } });

  test("up to the limit is whole", async () => {
    const result = await docle.run(python("print('x' * 2047)", limit(2_048)));
    assert.partialDeepStrictEqual(result, { ...success, truncated: { stdout: false, stderr: false } });
    assert.equal(result.stdout.length, 2_048);
  });

  test("is cut between characters", async () => {
    const result = await docle.run(python("print('x' + 'é' * 2000)", limit(1_024)));
    assert.deepEqual(result.truncated, { stdout: true, stderr: false });
    assert.match(result.stdout, /^xé+$/);
    assert.ok(Buffer.byteLength(result.stdout) <= 1_024);
  });

  test("that is not UTF-8 is replaced", async () => {
    const result = await docle.run(python("import sys; sys.stdout.buffer.write(b'a\\xffb\\xc3')"));
    assert.equal(result.stdout, "a\ufffdb\ufffd");
  });

  test("of ten megabytes arrives whole", async () => {
    const result = await docle.run(python("print('0123456789' * 1_000_000)", limit(10_485_760)));
    assert.equal(result.stdout, `${"0123456789".repeat(1_000_000)}\n`);
  });
});

test("a result has exactly the documented fields", async () => {
  const result = await docle.run(python("print(1)"));
  const fields = ["createdAt", "exitCode", "id", "ok", "signal", "status", "stderr", "stdout", "truncated", "usage"];
  assert.deepEqual(Object.keys(result).sort(), fields);
  assert.deepEqual(Object.keys(result.usage).sort(), ["blockedConnections", "cpuMs", "durationMs", "installMs", "memMB", "queueMs"]);
  assert.match(result.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(result.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(result.usage.cpuMs > 0 && result.usage.memMB > 0 && result.usage.durationMs > 0);
});
