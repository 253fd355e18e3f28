//! Contexts: what they keep, how cells of every kind end, and what is left of them.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { RunnerContext, type Cell, type ContextState } from "../../harness/contexts.ts";
import { until } from "../../harness/until.ts";
import type { AnyRunner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";

/** Cells that end their interpreter or must be ended, and the error that each is told with. */
const HOSTILE: Record<string, [code: string, name: string, lost: boolean, timeoutMs?: number][]> = {
  python: [
    ["while True:\n    pass", "Timeout", false, 300],
    ["import time\ntime.sleep(60)", "Timeout", false, 300],
    ["import os\nos.system('sleep 60')\nimport time\ntime.sleep(60)", "Timeout", false, 300],
    ["import asyncio\nawait asyncio.sleep(60)", "Timeout", false, 300],
    ["import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "Timeout", true, 300],
    ["import re\nre.match('(a+)+$', 'a' * 40 + 'b')", "Timeout", true, 300],
    ["import os\nos._exit(3)", "ContextExited", true],
    ["import os\nos._exit(0)", "ContextExited", true],
    ["import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ContextExited", true],
    ["import os\nos.abort()", "ContextExited", true],
    ["import os\nos.closerange(0, 1000)\nprint(1)", "ContextExited", true],
    ["import os\nos.execvp('true', ['true'])", "ContextExited", true],
    ["import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "Timeout", true, 300],
    ["x = bytearray(400_000_000)\nx[::4096] = b'a' * len(x[::4096])\nimport time\nwhile True: time.sleep(1)", "OutOfMemory", true],
  ],
  javascript: [
    ["while (true) {}", "Timeout", false, 300],
    ["await new Promise(() => {})", "Timeout", false, 300],
    ["await 1; for (;;) {}", "Timeout", false, 300],
    ["(async () => { for (;;) await null })()", "Timeout", false, 300],
    ["for (;;) { try { for (;;) {} } catch {} }", "Timeout", false, 300],
    ["process.exit(3)", "ContextExited", true],
    ["process.abort()", "ContextExited", true],
    ["process.kill(process.pid, 'SIGKILL')", "ContextExited", true],
    ["process.kill(process.pid, 'SIGSTOP')", "Timeout", true, 300],
    ["require('fs').closeSync(9); await new Promise(() => {})", "ContextExited", true],
  ],
};

export function contexts(runner: AnyRunner): void {
  describe("contexts", () => {
    let sandbox: RunnerSandbox;
    before(async () => {
      sandbox = await RunnerSandbox.create(runner);
    });
    const list = async () => (await (await sandbox.request("GET", "/contexts")).json()) as ContextState[];

    test("are made, listed and deleted, each with what is its own", async () => {
      const one = await RunnerContext.create(sandbox, "python", { env: { A: "1" }, cwd: "/tmp" });
      const two = await RunnerContext.create(sandbox, "python");
      assert.deepEqual((await one.run("import os\nos.getcwd() + os.environ['A']")).texts, ["'/tmp1'"]);
      assert.equal((await two.run("os")).error?.name, "NameError");
      const found = (await list()).filter(({ id }) => [one.id, two.id].includes(id));
      assert.deepEqual(found.map(({ cwd, cells, isRunning }) => [cwd, cells, isRunning]), [["/tmp", 1, false], ["/workspace", 1, false]]);
      const again = await sandbox.request("PUT", `/contexts/${one.id}`, JSON.stringify({ language: "python", cwd: "", env: {} }));
      assert.equal(again.status, 200);
      await one.delete();
      assert.equal((await one.request("DELETE")).status, 404);
      assert.equal((await one.start("1")).status, 404);
      await two.delete();
    });

    test("a directory that is not there is an error, and leaves nothing", async () => {
      const response = await sandbox.request("PUT", "/contexts/nowhere", JSON.stringify({ language: "python", cwd: "/nonesuch", env: {} }));
      assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [422, "not_found"]);
      assert.ok(!(await list()).some(({ id }) => id === "nowhere"));
    });

    test("cells of one context run one after the other", async () => {
      const context = await RunnerContext.create(sandbox);
      await context.run("n = 0");
      const code = "import time\nm = n + 1\ntime.sleep(0.02)\nn = m\nn";
      const cells = await Promise.all(Array.from({ length: 8 }, () => context.run(code)));
      assert.deepEqual(cells.map(({ texts }) => Number(texts[0])).toSorted((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8]);
      await context.delete();
    });

    test("ten contexts work at once", async () => {
      const made = await Promise.all(Array.from({ length: 10 }, () => RunnerContext.create(sandbox)));
      const cells = await Promise.all(made.map((context, index) => context.run(`x = ${index}\nx`)));
      assert.deepEqual(cells.map(({ texts }) => texts[0]), made.map((_, index) => `${index}`));
      assert.deepEqual((await Promise.all(made.map((context) => context.run("x")))).map(({ texts }) => texts[0]), made.map((_, index) => `${index}`));
      await Promise.all(made.map((context) => context.delete()));
    });

    test("five hundred cells leave nothing behind", async () => {
      const context = await RunnerContext.create(sandbox);
      const measure = "import gc, resource, os, threading\ngc.collect()\n(len(os.listdir('/proc/self/fd')), threading.active_count())";
      await context.run("display(1)");
      const [early] = (await context.run(measure)).texts;
      for (let cell = 0; cell < 500; cell += 1) await context.run("import sys\nprint('a')\nprint('b', file=sys.stderr)\n1");
      const last = await context.run(measure);
      assert.deepEqual([last.texts[0], last.count], [early, 503]);
      const memory = (await context.run("1")).memMB;
      assert.ok(memory < 40, `${memory}`);
      await context.delete();
    });

    for (const [language, rows] of Object.entries(HOSTILE)) {
      test(`a hostile cell of ${language} ends with its error, and the next one works`, async () => {
        const small = await RunnerSandbox.create(runner, { memoryMB: 200 });
        const context = await RunnerContext.create(small, language);
        for (const [code, name, lost, timeoutMs = 20_000] of rows) {
          const cell = await context.run(code, { timeoutMs });
          assert.deepEqual([cell.error?.name, cell.contextLost], [name, lost], `${code} ${JSON.stringify(cell)}`);
          const next = await context.run("6 * 7");
          assert.deepEqual([next.texts, next.error, lost ? next.count : next.count > 1], [["42"], undefined, lost ? 1 : true], code);
        }
        await small.delete();
      });
    }

    test("a time limit says so, and is not used up by waiting", async () => {
      const context = await RunnerContext.create(sandbox);
      const [first, second] = await Promise.all([context.run("import time\ntime.sleep(0.6)\n1"), context.run("2", { timeoutMs: 400 })]);
      assert.deepEqual([first.texts, second.texts, second.end], [["1"], ["2"], "exited"]);
      const late = await context.run("print('on')\nwhile True: pass", { timeoutMs: 200 });
      assert.deepEqual([late.end, late.exitCode, late.out, late.error?.traceback.at(-1)], ["timeout", 124, "on\n", "KeyboardInterrupt"]);
      await context.delete();
    });

    test("an interrupt ends the cell and keeps the context", async () => {
      for (const [language, code] of [["python", "x = 1\nprint('on', flush=True)\nwhile True: pass"], ["javascript", "var x = 1; console.log('on'); while (true) {}"]] as const) {
        const context = await RunnerContext.create(sandbox, language);
        assert.equal((await context.interrupt()).status, 202, "nothing runs");
        let name: string | undefined;
        for await (const event of context.events(code)) {
          if (event.type === "stdout") assert.equal((await context.interrupt()).status, 202);
          if (event.type === "error") ({ name } = event.error);
          if (event.type === "complete") assert.deepEqual([event.report.end, event.report.exitCode, event.report.contextLost], ["exited", 1, false]);
        }
        assert.equal(name, "Interrupted");
        assert.deepEqual((await context.run("x")).texts, ["1"]);
        await context.delete();
      }
    });

    test("a client that leaves interrupts its cell, and the state stays", async () => {
      const context = await RunnerContext.create(sandbox);
      const leave = new AbortController();
      const events = context.events("x = 5\nprint('on', flush=True)\nwhile True: pass", { signal: leave.signal });
      await assert.rejects(async () => {
        for await (const event of events) if (event.type === "stdout") leave.abort();
      });
      assert.deepEqual((await context.run("x")).texts, ["5"]);
      await context.delete();
    });

    test("a restart ends the cell that runs, and empties the context", async () => {
      const context = await RunnerContext.create(sandbox);
      await context.run("x = 1");
      let restarted: Promise<Response> | undefined;
      let last: Cell["error"];
      for await (const event of context.events("print('on', flush=True)\nwhile True: pass")) {
        if (event.type === "stdout") restarted = context.restart();
        if (event.type === "error") last = event.error;
      }
      assert.equal(last?.name, "Interrupted");
      assert.equal((await restarted)?.status, 200);
      assert.equal((await context.run("x")).error?.name, "NameError");
      await context.delete();
    });

    test("a deletion ends the cell that runs and everything that it has started", async () => {
      const context = await RunnerContext.create(sandbox);
      const kinds: string[] = [];
      for await (const event of context.events("import subprocess\np = subprocess.Popen(['sleep', '4242'])\nprint('on', flush=True)\nwhile True: pass")) {
        kinds.push(event.type);
        // What is printed may come in two pieces.
        if (kinds.filter((kind) => kind === "stdout").length === 1 && event.type === "stdout") await context.delete();
      }
      assert.equal(kinds[1], "stdout");
      await until("the end of the child", async () => (await sandbox.exec("pgrep -f 'sleep 4242'")).exitCode === 1);
    });

    test("a deletion tells the cells that wait that they have not run", async () => {
      const context = await RunnerContext.create(sandbox);
      let waiting: Promise<Cell[]> | undefined;
      let last: Cell["error"];
      for await (const event of context.events("print('on', flush=True)\nwhile True: pass")) {
        if (event.type === "stdout" && !waiting) {
          // Their responses begin when they are queued.
          const responses = await Promise.all([context.start("1", { id: "w1" }), context.start("2", { id: "w2" })]);
          waiting = Promise.all(responses.map((response) => RunnerContext.collect(response)));
          await context.delete();
        }
        if (event.type === "error") last = event.error;
      }
      const cells = await waiting!;
      assert.equal(last?.name, "Interrupted");
      assert.deepEqual(cells.map(({ error, end, contextLost, count }) => [error?.name, end, contextLost, count]), [["ContextDeleted", "system", true, 0], ["ContextDeleted", "system", true, 0]]);
    });

    test("what is written between cells comes with the next one", async () => {
      const context = await RunnerContext.create(sandbox);
      await context.run("import threading, time, os\ndef late():\n    time.sleep(0.05)\n    print('late')\n    os.close(os.open('/tmp/late', os.O_CREAT))\nthreading.Thread(target=late).start()");
      await until("the thread", async () => (await sandbox.exec("test -e /tmp/late")).exitCode === 0);
      assert.deepEqual((await context.run("1")).order, ["out:late\n", "result:1"]);
      await context.run("import subprocess\nflood = subprocess.Popen('yes | head -c 10000000; touch /tmp/flooded', shell=True)");
      await until("the flood", async () => (await sandbox.exec("test -e /tmp/flooded")).exitCode === 0);
      const next = await context.run("2");
      assert.deepEqual([next.out.length, next.texts], [65_536, ["2"]]);
      await context.delete();
    });

    test("output without end is cut and told, and the cell goes on", async () => {
      const context = await RunnerContext.create(sandbox);
      const cell = await context.run("for i in range(100_000): print('x' * 100)\n'done'", { maxOutputBytes: 5_000 });
      assert.deepEqual([cell.out.length, cell.stdoutTruncated, cell.texts], [5_000, true, ["'done'"]]);
      const shown = await context.run("for i in range(1_200): display(i)");
      assert.deepEqual([shown.results.length, shown.resultsTruncated], [1_000, true]);
      await context.delete();
    });

    test("a kernel that says what is no message is ended", async () => {
      const context = await RunnerContext.create(sandbox);
      for (const bytes of ["b'{}\\n'", "b'['*2000 + b'\\n'", "b'\\xff\\n'"]) {
        const cell = await context.run(`import os\nos.write(200, ${bytes})\nimport time\ntime.sleep(30)`);
        assert.deepEqual([cell.error?.name, cell.contextLost], ["ContextExited", true], bytes);
      }
      assert.deepEqual((await context.run("1")).texts, ["1"]);
      await context.delete();
    });

    test("a cell sees no descriptor of the kernel in its children, and no other sandbox", async () => {
      const context = await RunnerContext.create(sandbox);
      const python = await context.run("import subprocess\nsubprocess.run(['ls', '/proc/self/fd'], capture_output=True, text=True).stdout.split()");
      assert.deepEqual(python.texts, ["['0', '1', '2', '3']"]);
      const node = await RunnerContext.create(sandbox, "javascript");
      assert.deepEqual((await node.run("require('child_process').execSync('ls /proc/self/fd').toString().split('\\n')")).texts, ["[ '0', '1', '2', '3', '' ]"]);
      const other = await RunnerSandbox.create(runner);
      assert.equal((await other.request("POST", `/contexts/${context.id}/cells`, JSON.stringify({ id: "e", code: "1", env: {}, timeoutMs: 1_000, maxOutputBytes: 10 }))).status, 404);
      await Promise.all([context.delete(), node.delete(), other.delete()]);
    });

    test("the end of the sandbox ends its contexts", async () => {
      const short = await RunnerSandbox.create(runner);
      const context = await RunnerContext.create(short);
      const kinds: string[] = [];
      for await (const event of context.events("print('on', flush=True)\nimport time\ntime.sleep(60)")) {
        kinds.push(event.type);
        if (event.type === "stdout") await short.delete();
      }
      assert.deepEqual(kinds.slice(0, 2), ["start", "stdout"]);
    });
  });
}
