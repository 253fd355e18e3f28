//! Sessions: what a shell keeps from command to command, and that nothing loses or hangs it silently.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { processesWith, type Runner } from "../../harness/runner.ts";
import { RunnerSandbox, type ExecOptions, type Executed } from "../../harness/sandboxes.ts";
import { until } from "../../harness/until.ts";

const name = () => `s${randomBytes(6).toString("hex")}`;
const NAMED = "bash -c 'exec -a $NAME sleep 1000'";

export function sessions(runner: Runner): void {
  describe("sessions of a sandbox", () => {
    let sandbox: RunnerSandbox;
    before(async () => {
      sandbox = await RunnerSandbox.create(runner);
    });
    after(() => sandbox.delete());

    /** A session of its own, as a function that executes a command in it. */
    function session(id = name(), { cwd = "", env = {} }: { cwd?: string; env?: Record<string, string> } = {}) {
      let isUsed = false;
      return (command: string | string[], options: ExecOptions = {}): Promise<Executed> => {
        const job = { cwd: "", ...options, session: { id, cwd, env, isUsed } };
        isUsed = true;
        return sandbox.exec(command, job);
      };
    }
    const text = ({ out, err, exitCode }: Executed) => [out.toString(), err.toString(), exitCode];
    const KEPT = { restarted: false, ended: false };

    test("the directory, variables, functions and aliases stay", async () => {
      const run = session();
      assert.deepEqual((await run("mkdir -p a && cd a; export A=1; b=2; f() { echo f$1; }; alias ll='echo aliased'; exec 3>kept; umask 077")).session, KEPT);
      const done = await run("pwd; echo $A $b; f x; ll; echo three >&3; cat kept; umask");
      assert.deepEqual(text(done), ["/workspace/a\n1 2\nfx\naliased\nthree\n0077\n", "", 0]);
      const [first, second] = [await run("echo $$"), await run("echo $$; sleep 0.1 & wait $!; echo $?")];
      assert.equal(second.out.toString(), `${first.out}0\n`);
      assert.equal(first.pid, Number(first.out));
      assert.equal((await session()("echo $A; pwd")).out.toString(), "\n/workspace\n", "another session knows nothing of it");
    });

    test("both streams, every byte and the exit code are those of the command", async () => {
      const run = session();
      assert.deepEqual(text(await run("printf 'a\\n\\n'; echo e >&2; (exit 5)")), ["a\n\n", "e\n", 5]);
      assert.deepEqual(text(await run("true")), ["", "", 0]);
      assert.deepEqual(text(await run(["printf", "%s|", "a'b", "$c", "d e"])), ["a'b|$c|d e|", "", 0]);
      const bytes = await run("python3 -c 'import os; os.write(1, bytes(range(256)))'");
      assert.deepEqual(bytes.out, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
      assert.deepEqual(text(await run("cat <<E\n$((1+1)) it's\nE\n# a comment")), ["2 it's\n", "", 0]);
      assert.equal((await run("nonesuch")).exitCode, 127);
      const large = await run("head -c 8388608 /dev/zero; echo done >&2");
      assert.deepEqual([large.out.length, large.err.toString()], [8_388_608, "done\n"]);
      const cut = await run("head -c 3000000 /dev/zero; exit_code() { return 4; }; exit_code", { maxOutputBytes: 1_000 });
      assert.deepEqual([cut.out.length, cut.stdoutTruncated, cut.exitCode], [1_000, true, 4]);
      assert.equal((await run("echo > >(cat; echo late)")).out.toString(), "\nlate\n");
    });

    test("standard input is what was sent, and ends", async () => {
      const run = session();
      assert.deepEqual(text(await run("cat")), ["", "", 0]);
      assert.deepEqual(text(await run("read a; echo [$a]; cat", { stdin: "it's\nno line end" })), ["[it's]\nno line end", "", 0]);
      assert.deepEqual(text(await run("echo on")), ["on\n", "", 0]);
    });

    test("the directory and the variables of one command are for that command", async () => {
      const run = session(name(), { cwd: "/home/user", env: { A: "session" } });
      const quoted = "it's \"$HOME\"\n`x`";
      assert.deepEqual(text(await run("pwd; echo $A; echo \"$B\"; sh -c 'echo $A'", { cwd: "/tmp", env: { A: "own", B: quoted } })), [`/tmp\nown\n${quoted}\nown\n`, "", 0]);
      assert.deepEqual(text(await run("pwd; echo $A$B")), ["/home/user\nsession\n", "", 0]);
      const nowhere = await run("touch /workspace/started", { cwd: "/nowhere" });
      assert.equal(nowhere.exitCode, 1);
      assert.match(nowhere.err.toString(), /\/nowhere: No such file or directory/);
      assert.equal((await run("ls /workspace/started; pwd")).out.toString(), "/home/user\n");
      assert.equal((await session(name(), { cwd: "/nowhere" })("pwd")).out.toString(), "/workspace\n");
    });

    for (const [what, command, exitCode] of [
      ["a syntax error", "if then", 2],
      ["a quote that is left open", 'echo "abc', 2],
      ["a break outside of a loop", "break; continue; return 1; (exit 3)", 3],
      ["closed streams", "exec 1>&- 2>&- 0<&-; echo lost", 1],
      ["other streams", "exec >/dev/null 2>&1 </dev/zero", 0],
      ["a killed child", "bash -c 'kill -9 $$'", 137],
      ["descriptors of the shell", "exec 200>&- 201>&- 202>&-", 0],
      ["a trap", "trap 'echo trapped' DEBUG; trap - DEBUG", 0],
      ["options that trace", "set -xv; set +xv", 0],
      ["a directory that is deleted", "mkdir gone; cd gone; rmdir ../gone; cd /workspace", 0],
    ] as const) {
      test(`${what} neither loses nor hangs a session`, async () => {
        const run = session();
        await run("A=kept");
        const done = await run(command);
        assert.deepEqual([done.exitCode, done.session], [exitCode, KEPT], done.err.toString());
        assert.deepEqual(text(await run("echo $A; echo e >&2")), ["kept\n", "e\n", 0]);
      });
    }

    for (const [what, command, exitCode] of [
      ["exit", "echo bye; exit 3", 3],
      ["set -e", "set -e; false; echo no", 1],
      ["exec", "exec sh -c 'echo bye; exit 4'", 4],
      ["a shell that is killed", "kill -9 $$", 137],
      ["a shell that reads no more", "set -n", 124],
    ] as const) {
      test(`${what} ends a session, which says so, and the next command has a new shell`, async () => {
        const run = session();
        await run("A=lost; cd /tmp");
        const done = await run(command, { timeoutMs: 1_000 });
        assert.deepEqual([done.exitCode, done.session], [exitCode, { restarted: false, ended: true }]);
        const next = await run("echo [$A]; pwd");
        assert.deepEqual([next.out.toString(), next.session], ["[]\n/workspace\n", { restarted: true, ended: false }]);
        assert.deepEqual((await run("true")).session, KEPT);
      });
    }

    test("the time limit ends a session with all that it has started", async () => {
      const marker = name();
      const run = session(name(), { env: { NAME: marker } });
      await run(`(setsid ${NAMED} &)`);
      const late = await run(`echo partial; ${NAMED}; echo no`, { timeoutMs: 500 });
      assert.deepEqual([late.end, late.exitCode, late.out.toString(), late.session?.ended], ["timeout", 124, "partial\n", true]);
      await until("everything is gone", () => processesWith(marker).length === 0);
      assert.equal((await run("echo on")).session?.restarted, true);
    });

    test("commands of a session come one after the other, and sessions go side by side", async () => {
      const run = session();
      await run("n=0");
      const counts = await Promise.all(Array.from({ length: 10 }, () => run("n=$((n + 1)); sleep 0.02; echo $n")));
      assert.deepEqual(counts.map(({ out }) => Number(out)).sort((a, b) => a - b), Array.from({ length: 10 }, (_, index) => index + 1));
      const waiting = session()("until [ -e side ]; do sleep 0.01; done; echo seen");
      await session()("touch side");
      assert.equal((await waiting).out.toString(), "seen\n");
    });

    test("a background process neither delays its session nor is stopped by its own output", async () => {
      const run = session();
      const begun = await run("(for i in {1..20000}; do echo 0123456789; done; touch wrote; sleep 1000) & echo x");
      assert.ok(begun.out.toString().includes("x\n") && begun.durationMs < 1_000, `${begun.durationMs}`);
      await sandbox.sh("until [ -e wrote ]; do sleep 0.01; done", { timeoutMs: 10_000 });
      assert.equal((await run("kill %1; echo $?")).out.toString(), "0\n");
    });

    test("a session that is deleted ends its command and its background processes", async () => {
      const [id, marker] = [name(), name()];
      const run = session(id, { env: { NAME: marker } });
      await run(`(setsid ${NAMED} &)`);
      const running = run(NAMED);
      await until("both run", () => processesWith(marker).length === 2);
      assert.equal((await sandbox.request("DELETE", `/sessions/${id}`)).status, 204);
      const done = await running;
      assert.deepEqual([done.end, done.session?.ended], ["killed", true]);
      await until("nothing is left", () => processesWith(marker).length === 0);
      const again = await sandbox.request("DELETE", `/sessions/${id}`);
      assert.deepEqual([again.status, ((await again.json()) as { code: string }).code], [422, "unknown_session"]);
      assert.equal((await session(id)("echo $NAME")).out.toString(), "\n");
    });

    test("a client that leaves ends the shell and not the session", async () => {
      const [stop, marker] = [new AbortController(), name()];
      const run = session(name(), { env: { NAME: marker } });
      await run("A=1");
      const gone = run(NAMED, { signal: stop.signal });
      gone.catch(() => undefined);
      await until("it runs", () => processesWith(marker).length === 1);
      stop.abort();
      const next = await run("echo [$A]");
      assert.deepEqual([next.out.toString(), next.session?.restarted], ["[]\n", true]);
      assert.deepEqual(processesWith(marker), []);
    });

    test("a session is refused what no shell can have", async () => {
      const id = name();
      for (const wrong of [{ env: { "a-b": "1" } }, { stdin: "\0" }]) {
        const response = await sandbox.start("true", { ...wrong, session: { id, cwd: "", env: {}, isUsed: false } });
        assert.equal(response.status, 400);
      }
    });
  });
}
