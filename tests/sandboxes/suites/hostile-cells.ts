//! Cells that break what they run in, as far as a cell can: each ends with its error, and the next one works.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RunnerContext } from "../../harness/contexts.ts";
import type { AnyRunner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";

/** Code, the name of its error if it has one, whether that costs the state, and its time limit. */
type Row = [code: string, error?: string, lost?: boolean, timeoutMs?: number];

const PYTHON: Row[] = [
  ["import builtins\nbuiltins.len = builtins.sorted = builtins.repr = None"],
  ["import builtins\nbuiltins.str = builtins.isinstance = None", "ContextExited", true],
  ["import builtins\nbuiltins.print = lambda *a: 1 / 0"],
  ["import builtins\nbuiltins.__import__ = None"],
  ["import builtins\nfor name in list(vars(builtins)): delattr(builtins, name)", "NameError"],
  ["import sys\nsys.modules.clear()"],
  ["import sys\nsys.stdout = sys.stderr = None"],
  ["import sys\nsys.stdout.close(); sys.stderr.close(); sys.stdin.close()"],
  ["import os\nfor n in (0, 1, 2): os.close(n)"],
  ["import sys\nsys.setrecursionlimit(60)\ndef f(): f()\nf()", "RecursionError"],
  ["import sys\nsys.settrace(lambda *a: 1 / 0)", "ZeroDivisionError"],
  ["import gc\ngc.disable()\nl = []\nl.append(l)\nl"],
  ["import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nsignal.alarm(0)"],
  ["import os\nos.chdir('/tmp'); os.rmdir('/tmp/gone') if os.path.exists('/tmp/gone') else None\nos.mkdir('/tmp/gone'); os.chdir('/tmp/gone'); os.rmdir('/tmp/gone')"],
  ["import atexit\natexit.register(lambda: 1 / 0)"],
  ["import json\njson.dumps = json.loads = None", "ContextExited", true],
  ["class R:\n    def __repr__(self): raise SystemExit(3)\nR()", "SystemExit"],
  ["class R:\n    def __repr__(self): return 5\nR()", "TypeError"],
  ["class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"],
  ["class G:\n    def __getattr__(self, name): raise RuntimeError(name)\nG()"],
  ["d = {}\nfor i in range(100_000): d = {'d': d}\nd", "RecursionError"],
  ["raise BaseException('base')", "BaseException"],
  ["raise GeneratorExit", "GeneratorExit"],
  ["import threading\nfor _ in range(50): threading.Thread(target=lambda: 1 / 0).start()"],
  ["import threading\nthreading.Thread(target=lambda: print('x' * 100_000)).start()"],
  ["import os\nfor _ in range(20):\n    if os.fork() == 0: os._exit(0)"],
  ["import os\nif os.fork() == 0: raise SystemExit"],
  ["import faulthandler, ctypes\nctypes.string_at(0)", "ContextExited", true],
  ["import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGTERM)", "PermissionError"],
  ["import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "ContextExited", true],
  ["import os\nos.dup2(1, 200)", "ContextExited", true, 2_000],
  ["__import__('time').sleep(60)", "Timeout", false, 200],
  ["list(iter(int, 1))", "OutOfMemory", true],
  ["'x' * 10 ** 8"],
  ["print('x' * 10 ** 8)"],
];

const JAVASCRIPT: Row[] = [
  ["Object.prototype.polluted = 1; Array.prototype.polluted = 2"],
  ["globalThis.JSON = null"],
  ["globalThis.Promise = null"],
  ["console.log = null"],
  ["process.stdout.write = null"],
  ["process.removeAllListeners()"],
  ["process.on('exit', () => { throw new Error('e') })"],
  ["Error.prepareStackTrace = () => { throw 1 }"],
  ["Error.stackTraceLimit = 0; throw new Error('no stack')", "Error"],
  ["Promise.reject(new Error('nobody waits'))", "Error"],
  ["setTimeout(() => { throw new Error('later') }, 0); 1"],
  ["queueMicrotask(() => { throw new Error('soon') }); await 1", "Error"],
  ["process.nextTick(() => { throw new Error('tick') }); await 1", "Error"],
  ["throw null", "Error"],
  ["throw undefined", "Error"],
  ["throw { get message() { throw 1 } }", "Error"],
  ["throw new Proxy(new Error('p'), { get() { throw 1 } })", "Error"],
  ["({ get [Symbol.toStringTag]() { throw new Error('tag') } })"],
  ["({ [require('util').inspect.custom]() { throw new RangeError('custom') } })", "RangeError"],
  ["({ toJSON() { throw new Error('json') } })"],
  ["const loop = {}; loop.loop = loop; loop"],
  ["let deep = {}; for (let i = 0; i < 1e5; i++) deep = { deep }; deep"],
  ["new Proxy({}, { get() { throw 1 }, ownKeys() { throw 1 } })", "Error"],
  ["(function f() { f() })()", "RangeError"],
  ["'x'.repeat(2 ** 29)", "RangeError"],
  ["process.stdout.write('x'.repeat(1e8)); undefined"],
  ["require('child_process').spawn('sleep', ['60']); 1"],
  ["for (;;) {}", "Timeout", false, 200],
  ["await new Promise(() => {})", "Timeout", false, 200],
  ["new Worker('')", "ReferenceError"],
  ["process.exit()", "ContextExited", true],
  ["process.reallyExit(0)", "ContextExited", true],
  ["require('fs').closeSync(9); await new Promise(() => {})", "ContextExited", true],
  ["const all = []; for (;;) all.push(new Array(1e6).fill(1))", "ContextExited|OutOfMemory", true],
];

export function hostileCells(runner: AnyRunner): void {
  describe("hostile cells", () => {
    for (const [language, rows] of [["python", PYTHON], ["javascript", JAVASCRIPT]] as const) {
      test(`of ${language} end with their errors, and the next ones work`, async () => {
        const sandbox = await RunnerSandbox.create(runner, { memoryMB: 256 });
        const wrong: unknown[] = [];
        for (const [code, error, lost = false, timeoutMs = 20_000] of rows) {
          // Each has a context of its own, which the cells before have not changed.
          const context = await RunnerContext.create(sandbox, language);
          const cell = await context.run(code, { timeoutMs, maxOutputBytes: 100_000 });
          const isExpected = error === undefined ? cell.error === undefined : error.split("|").includes(cell.error?.name ?? "");
          const next = await context.run("6 * 7");
          if (!isExpected || cell.contextLost !== lost || next.texts.at(-1) !== "42" || next.error) wrong.push({ code, error: cell.error, lost: cell.contextLost, next: [next.texts, next.error] });
          await context.delete();
        }
        assert.deepEqual(wrong, []);
        assert.ok(rows.length >= 30, `${rows.length}`);
        await sandbox.delete();
      });
    }

    test("a thousand cells leave nothing behind, and twenty contexts work at once", async () => {
      const sandboxes = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner)]);
      const context = await RunnerContext.create(sandboxes[0]!);
      const held = "import gc\ngc.collect()\nopen('/proc/self/statm').read().split()[1]";
      await context.run("def work(n): return [str(i) for i in range(n)]");
      for (let cell = 0; cell < 100; cell += 1) await context.run("work(100)");
      const early = Number((await context.run(held)).texts[0]?.toString().replaceAll("'", ""));
      for (let cell = 0; cell < 1_000; cell += 1) await context.run("print(len(work(100)))\nwork(100)");
      const late = Number((await context.run(held)).texts[0]?.toString().replaceAll("'", ""));
      // Of 4 KiB each. The sources of the last thousand cells are kept for their tracebacks.
      assert.ok(late - early < 512, `${early} pages became ${late}`);
      const made = await Promise.all(sandboxes.flatMap((sandbox) => Array.from({ length: 10 }, () => RunnerContext.create(sandbox))));
      const cells = await Promise.all(made.map((one, index) => one.run(`x = ${index}\nx`)));
      assert.deepEqual(cells.map(({ texts }) => texts[0]), made.map((_, index) => `${index}`));
      await Promise.all(sandboxes.map((sandbox) => sandbox.delete()));
    });
  });
}
