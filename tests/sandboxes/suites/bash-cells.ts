//! Cells of Bash: what they write, how they fail, and what is kept for the next one.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { RunnerContext } from "../../harness/contexts.ts";
import type { AnyRunner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";
import { until } from "../../harness/until.ts";

/** Code, its standard output, its exit code, and its standard error where it is not empty. */
type Row = [code: string, out: string, exitCode?: number, err?: string];

const CELLS: Row[] = [
  ["echo hello", "hello\n"],
  ["x=5; cd /tmp", ""],
  ["echo $x; pwd", "5\n/tmp\n"],
  ["f() { echo \"f:$1\"; }", ""],
  ["f 'a b'", "f:a b\n"],
  ["export A=1; sh -c 'echo $A'", "1\n"],
  ["alias ll='echo L'", ""],
  ["ll", "L\n"],
  ["declare -A m=([a]=1); echo ${m[a]}", "1\n"],
  ["echo 'it'\\''s'; echo \"hi!\" '!!'", "it's\nhi! !!\n"],
  ["cat <<END\none\ntwo\nEND", "one\ntwo\n"],
  ["for i in 1 2 3; do\n  echo $i\ndone", "1\n2\n3\n"],
  ["for i in 1 2; do break 9; done; echo on", "on\n"],
  ["echo $((6 * 7))", "42\n"],
  ["printf '%s\\n' {a..c} | tac", "c\nb\na\n"],
  ["(exit 7)", "", 7],
  ["echo $?", "0\n"],
  ["false", "", 1],
  ["ls /nonesuch 2>/dev/null", "", 2],
  ["g() { return 9; }; g", "", 9],
  ["nonesuch", "", 127, "bash: nonesuch: command not found\n"],
  ["echo err >&2", "", 0, "err\n"],
  ["if then", "", 2, "bash: syntax error near unexpected token `then'\n"],
  ["}", "", 2, "bash: syntax error near unexpected token `}'\n"],
  ["echo 'open", "", 2, "bash: unexpected EOF while looking for matching `''\n"],
  ["set -u; echo $undefined; echo no", "", 1, "bash: undefined: unbound variable\n"],
  ["set +u; echo $x", "5\n"],
  ["read y; echo \"y=$y\"", "y=\n"],
  ["exec >/tmp/taken; echo taken", ""],
  ["cat /tmp/taken", "taken\n"],
  ["ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "],
  ["history", ""],
  ["trap 'echo bye' USR1; kill -USR1 $$", "bye\n"],
  ["# nothing", ""],
  ["", ""],
];

export function bashCells(runner: AnyRunner): void {
  describe("cells of Bash", () => {
    let sandbox: RunnerSandbox;
    before(async () => {
      sandbox = await RunnerSandbox.create(runner);
    });

    test("keep variables, functions and the directory, also after errors", async () => {
      const context = await RunnerContext.create(sandbox, "bash");
      let count = 0;
      for (const [code, out, exitCode = 0, err = ""] of CELLS) {
        const cell = await context.run(code);
        const error = exitCode === 0 ? undefined : { name: "ExitCode", message: `The last command has ended with exit code ${exitCode}.`, traceback: [] };
        assert.deepEqual([cell.out, cell.err, cell.error, cell.contextLost, cell.results, cell.count], [out, err, error, false, [], (count += 1)], code);
      }
      await context.delete();
    });

    test("have variables of their own, and none of another cell or context", async () => {
      const context = await RunnerContext.create(sandbox, "bash", { env: { B: "2" }, cwd: "/tmp" });
      assert.equal((await context.run("echo $A$B $PWD", { env: { A: "it's" } })).out, "it's2 /tmp\n");
      assert.equal((await context.run("echo $A$B")).out, "2\n");
      const other = await RunnerContext.create(sandbox, "bash");
      assert.equal((await other.run("echo $A$B $PWD")).out, "/workspace\n");
      await Promise.all([context.delete(), other.delete()]);
    });

    test("are interrupted, and the state stays", async () => {
      const context = await RunnerContext.create(sandbox, "bash");
      await context.run("x=5");
      for (const code of ["while :; do :; done", "sleep 60; echo no", "sleep 60 | cat; echo no", "f() { while :; do sleep 0.01; done; }; f; echo no"]) {
        const cell = await context.run(code, { timeoutMs: 200 });
        assert.deepEqual([cell.error?.name, cell.end, cell.contextLost, cell.out], ["Timeout", "timeout", false, ""], code);
        assert.equal((await context.run("echo $x")).out, "5\n", code);
      }
      let name: string | undefined;
      for await (const event of context.events("echo on; sleep 60")) {
        if (event.type === "stdout") assert.equal((await context.interrupt()).status, 202);
        if (event.type === "error") ({ name } = event.error);
      }
      assert.deepEqual([name, (await context.run("echo $x")).out], ["Interrupted", "5\n"]);
      await context.delete();
    });

    test("that end the shell say so, and the next one works", async () => {
      const context = await RunnerContext.create(sandbox, "bash");
      const rows: [code: string, error: string, timeoutMs?: number][] = [
        ["exit 3", "ContextExited"],
        ["exit", "ContextExited"],
        ["exec true", "ContextExited"],
        ["kill -KILL $$", "ContextExited"],
        ["set -e; false; echo no", "ContextExited"],
        ["kill -STOP $$", "Timeout", 300],
        ["trap '' INT; while :; do :; done", "Timeout", 300],
      ];
      for (const [code, error, timeoutMs = 20_000] of rows) {
        await context.run("x=5");
        const cell = await context.run(code, { timeoutMs });
        assert.deepEqual([cell.error?.name, cell.contextLost], [error, true], code);
        const next = await context.run("echo \"x=$x\"");
        assert.deepEqual([next.out, next.error, next.count], ["x=\n", undefined, 1], code);
      }
      await context.delete();
    });

    test("hear of everything that their children write", async () => {
      const context = await RunnerContext.create(sandbox, "bash");
      const cell = await context.run("seq 1 200000 | tail -c 1000000 | wc -c; python3 -c 'print(1)'; head -c 3000000 /dev/zero | tr '\\0' a");
      assert.deepEqual([cell.out.length, cell.error], ["1000000\n1\n".length + 3_000_000, undefined]);
      await context.run("(sleep 0.05; echo late; touch /tmp/was-late) &");
      await until("the child in the background", async () => (await sandbox.exec("test -e /tmp/was-late")).exitCode === 0);
      assert.match((await context.run("echo on")).out, /late\n(.*\n)*on\n/);
      await context.delete();
    });
  });
}
