//! Commands: their output to the last byte, their ends, and what goes on behind them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { processesWith, type Runner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";
import { until } from "../../harness/until.ts";

const marker = () => `marker-${randomBytes(6).toString("hex")}`;
/** A line that leaves a process with this name. */
const sleeper = (name: string) => `bash -c 'exec -a ${name} sleep 1000'`;

export function commands(runner: Runner): void {
  describe("commands of a sandbox", () => {
    let sandbox: RunnerSandbox;
    before(async () => {
      sandbox = await RunnerSandbox.create(runner);
    });
    after(() => sandbox.delete());

    test("both streams, the exit code and the process id are there", async () => {
      const done = await sandbox.exec("echo $$; echo err >&2; exit 3");
      assert.deepEqual([done.out.toString(), done.err.toString(), done.exitCode, done.end], [`${done.pid}\n`, "err\n", 3, "exited"]);
    });

    test("the bytes of the output are exact", async () => {
      assert.deepEqual((await sandbox.exec("printf 'a\\n\\n\\n'")).out, Buffer.from("a\n\n\n"));
      const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      assert.deepEqual((await sandbox.exec(["python3", "-c", "import os; os.write(1, bytes(range(256)))"])).out, every);
      assert.equal(await sandbox.sh("cat <<'E'\n$HOME `x`\nE\ncat <<E\n$HOME\nE\n"), "$HOME `x`\n/home/user\n");
      assert.equal(await sandbox.sh("cat", { stdin: "é\0".repeat(300_000) }), "é\0".repeat(300_000));
    });

    for (const size of [64 << 10, 512 << 10, 1 << 20, 4 << 20, 8 << 20]) {
      test(`${size >> 10} KiB just before the end arrive whole`, async () => {
        const program = `import os; data = bytes(i * 7 % 251 for i in range(${size}))\nwhile data: data = data[os.write(1, data):]\nos._exit(0)`;
        for (let round = 0; round < 4; round++) {
          const { out } = await sandbox.exec(["python3", "-c", program]);
          assert.equal(out.length, size);
          assert.equal(out[size - 1], ((size - 1) * 7) % 251);
        }
      });
    }

    test("output arrives while the command runs", async () => {
      const id = marker();
      let seen = "";
      for await (const event of sandbox.events(`echo first; until [ -e ${id} ]; do sleep 0.01; done; echo second`)) {
        if (event.type !== "stdout") continue;
        seen += Buffer.from(event.data, "base64").toString();
        // The command goes on only because this line has been read.
        if (seen === "first\n") await sandbox.sh(`touch ${id}`);
      }
      assert.equal(seen, "first\nsecond\n");
    });

    test("more than the limit is cut, and the command goes on", async () => {
      const done = await sandbox.exec("head -c 3000000 /dev/zero; echo x >&2; touch went-on; exit 4", { maxOutputBytes: 1_000 });
      assert.deepEqual([done.out.length, done.stdoutTruncated, done.stderrTruncated, done.exitCode], [1_000, true, false, 4]);
      assert.equal(done.err.toString(), "x\n");
      await sandbox.sh("rm went-on");
    });

    test("a program that is not there is what a shell says it is", async () => {
      for (const command of ["not-a-program", ["not-a-program"]]) {
        const done = await sandbox.exec(command);
        assert.equal(done.exitCode, 127);
        assert.match(done.err.toString(), /not-a-program: command not found/);
      }
      assert.equal((await sandbox.exec(["/etc/passwd"])).exitCode, 126);
      assert.equal((await sandbox.exec("if then")).exitCode, 2);
      assert.equal((await sandbox.exec('echo "abc')).exitCode, 2);
      assert.equal(await sandbox.sh("(exit 5); echo $?"), "5\n");
    });

    test("a directory that is not there is an error before anything starts", async () => {
      const response = await sandbox.start("touch /workspace/started", { cwd: "/nowhere" });
      assert.equal(response.status, 422);
      assert.deepEqual(await response.json(), { code: "not_found", message: '"/nowhere" does not exist.' });
      const file = await sandbox.start("true", { cwd: "/etc/passwd" });
      assert.equal(((await file.json()) as { code: string }).code, "not_a_directory");
      assert.equal((await sandbox.exec("ls /workspace/started")).exitCode, 2);
      await sandbox.sh("mkdir -p sub/deep");
      assert.equal(await sandbox.sh("pwd", { cwd: "sub/deep" }), "/workspace/sub/deep\n");
      assert.equal(await sandbox.sh("pwd", { cwd: "/home/user" }), "/home/user\n");
    });

    test("a signal is named", async () => {
      const done = await sandbox.exec("kill -SEGV $$");
      assert.deepEqual([done.exitCode, done.signal, done.end], [139, "SIGSEGV", "exited"]);
    });

    test("the time limit ends everything that the command has started, and nothing else", async () => {
      const [mine, others] = [marker(), marker()];
      await sandbox.sh(`${sleeper(others)} >/dev/null 2>&1 &`);
      // A daemon that has left its session and its parent, three levels deep.
      const done = await sandbox.exec(`echo partial; (setsid ${sleeper(mine)} & setsid setsid ${sleeper(mine)} &); (${sleeper(mine)}) & ${sleeper(mine)}`, { timeoutMs: 700 });
      assert.deepEqual([done.end, done.exitCode, done.out.toString()], ["timeout", 124, "partial\n"]);
      assert(done.durationMs >= 700 && done.durationMs < 5_000, `${done.durationMs}`);
      await until("the tree is gone", () => processesWith(mine).length === 0);
      assert.equal(processesWith(others).length, 1);
      await sandbox.sh(`pkill -f '[m]${others.slice(1)}'`);
      await until("signals pass between commands", () => processesWith(others).length === 0);
    });

    test("a background process neither delays the answer nor ends with the command", async () => {
      const name = marker();
      const done = await sandbox.exec(`${sleeper(name)} & echo x`);
      assert.equal(done.out.toString(), "x\n");
      assert(done.durationMs < 1_000, `${done.durationMs}`);
      assert.equal(processesWith(name).length, 1);
      await sandbox.sh(`pkill -f '[m]${name.slice(1)}'`);
    });

    test("a background process was ended by the first line that it wrote after its command", async () => {
      await sandbox.sh("(until [ -e go ]; do sleep 0.01; done; for i in $(seq 1000); do echo $i; done; touch wrote) & true");
      await sandbox.sh("touch go");
      await sandbox.sh("until [ -e wrote ]; do sleep 0.01; done", { timeoutMs: 10_000 });
    });

    test("a command that is cancelled ends with all that it has started", async () => {
      const name = marker();
      const events = sandbox.events(`(setsid ${sleeper(name)} &); echo up; sleep 1000`, { id: "to-cancel" });
      for await (const event of events) {
        if (event.type === "stdout") {
          await until("it has begun", () => processesWith(name).length === 1);
          assert.equal((await sandbox.start("true", { id: "to-cancel" })).status, 409);
          assert.equal((await sandbox.request("DELETE", "/exec/to-cancel")).status, 202);
        }
        if (event.type === "complete") assert.deepEqual([event.report.end, event.report.exitCode], ["killed", 137]);
      }
      await until("the tree is gone", () => processesWith(name).length === 0);
      assert.equal((await sandbox.request("DELETE", "/exec/to-cancel")).status, 404);
      await sandbox.sh("true", { id: "to-cancel" });
    });

    test("a command whose connection is closed ends with all that it has started", async () => {
      const [name, stop] = [marker(), new AbortController()];
      const gone = sandbox.exec(`(setsid ${sleeper(name)} &); sleep 1000`, { signal: stop.signal });
      gone.catch(() => undefined);
      await until("it runs", () => processesWith(name).length === 1);
      stop.abort();
      await until("it is gone", () => processesWith(name).length === 0);
    });

    test("a command whose caller went while it started went on unwatched", async () => {
      const name = marker();
      for (let round = 0; round < 10; round++) {
        const stop = new AbortController();
        const gone = sandbox.exec(sleeper(name), { signal: stop.signal });
        gone.catch(() => undefined);
        // Somewhere between the request and the first event.
        for (let turns = 0; turns < round; turns++) await new Promise(setImmediate);
        stop.abort();
      }
      // Requests are taken in their order, so all of those have been taken.
      await sandbox.sh("true");
      await until("nobody is left", () => processesWith(name).length === 0);
    });

    test("what a command used is counted", async () => {
      const done = await sandbox.exec(["python3", "-c", "x = bytearray(50 << 20)\nfor i in range(3_000_000): pass"]);
      assert(done.memMB > 50, `${done.memMB}`);
      assert(done.cpuMs > 20 && done.cpuMs < 10_000, `${done.cpuMs}`);
    });

    test("twenty sandboxes execute at once and nothing is lost", async () => {
      const sandboxes = await Promise.all(Array.from({ length: 20 }, () => RunnerSandbox.create(runner, { memoryMB: 64, diskMB: 16 })));
      const outputs = await Promise.all(
        sandboxes.flatMap((one, index) => [0, 1, 2].map((round) => one.sh(`for i in $(seq 2000); do echo ${index}-${round}-$i; done`))),
      );
      outputs.forEach((output, at) => {
        const expected = Array.from({ length: 2_000 }, (_, i) => `${Math.floor(at / 3)}-${at % 3}-${i + 1}\n`).join("");
        assert.equal(output, expected);
      });
      await Promise.all(sandboxes.map((one) => one.delete()));
    });
  });
}
