//! Processes in the background: their lives, their logs, and waiting for what they do.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { RunnerProcesses } from "../../harness/processes.ts";
import { processesWith, type Runner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";
import { until } from "../../harness/until.ts";

const marker = () => `marker-${randomBytes(6).toString("hex")}`;
const sleeper = (name: string) => `bash -c 'exec -a ${name} sleep 1000'`;
/** The same for a process whose own command line is not to be found by the name, which its environment has. */
const NAMED = "bash -c 'exec -a $NAME sleep 1000'";
const TERM = 15;

export function processes(runner: Runner): void {
  describe("processes of a sandbox", () => {
    let sandbox: RunnerSandbox;
    let all: RunnerProcesses;
    before(async () => {
      sandbox = await RunnerSandbox.create(runner, { memoryMB: 512 });
      all = new RunnerProcesses(sandbox);
    });
    after(() => sandbox.delete());

    test("a process has its id and its output at once, however fast it ends", async () => {
      const started = await all.start("echo out; echo err >&2; exit 3", { name: "fast", env: { A: "1" } });
      assert.ok(started.pid > 1 && started.name === "fast" && started.cwd === "/workspace", JSON.stringify(started));
      const log = await all.log(started.id);
      assert.deepEqual([log.out.toString(), log.err.toString(), log.dropped], ["out\n", "err\n", 0]);
      assert.deepEqual([log.process.ended?.end, log.process.ended?.exitCode], ["exited", 3]);
      // One that has ended tells everything again.
      assert.equal((await all.log(started.id)).out.toString(), "out\n");
      const found = await all.get(String(started.pid));
      assert.equal(found.id, started.id);
    });

    test("a process outlives the request that started it, and is listed until it is forgotten", async () => {
      const name = marker();
      const { id } = await all.start(sleeper(name));
      await until("it runs", () => processesWith(name).length === 1);
      assert.equal((await all.list()).find((one) => one.id === id)?.ended, undefined);
      const killed = await all.kill(id);
      assert.deepEqual([killed.ended?.end, killed.ended?.signal, killed.ended?.exitCode], ["killed", "SIGTERM", 143]);
      assert.deepEqual(processesWith(name), []);
      assert.equal((await all.kill(id)).ended?.exitCode, 143, "killing it again changes nothing");
      await all.kill(id, true);
      assert.equal((await all.list()).find((one) => one.id === id), undefined);
      assert.equal(await all.refused("get", { process: id }), "unknown_process");
    });

    test("a bad directory is an error and no process", async () => {
      const job = { id: "nowhere", command: { shell: "true" }, cwd: "/nowhere", env: {}, stdin: false };
      assert.equal(await all.refused("start", { job }), "not_found");
      assert.equal(await all.refused("get", { process: "nowhere" }), "unknown_process");
      const absent = await all.start(["not-a-program"]);
      const log = await all.log(absent.id);
      assert.deepEqual([log.process.ended?.exitCode, log.err.toString()], [127, "not-a-program: command not found\n"]);
    });

    test("kill ends a process that ignores SIGTERM, its tree and its daemons, and nothing else", async () => {
      const [mine, others] = [marker(), marker()];
      const other = await all.start(sleeper(others));
      const { id } = await all.start(`trap '' TERM; (setsid ${NAMED} & setsid setsid ${NAMED} &); (${NAMED}) & echo up; while true; do sleep 0.05; done`, { env: { NAME: mine } });
      await all.wait(id, { for: "log", pattern: "up", regex: false });
      await until("the tree is there", () => processesWith(mine).length === 3);
      const killed = await all.kill(id);
      assert.deepEqual([killed.ended?.end, killed.ended?.exitCode], ["killed", 137]);
      await until("the tree is gone", () => processesWith(mine).length === 0);
      assert.equal(processesWith(others).length, 1);
      await all.kill(other.id);
    });

    test("kill ends the daemons of a process that has ended", async () => {
      const name = marker();
      const { id } = await all.start(`(setsid ${sleeper(name)} >/dev/null 2>&1 &); true`);
      assert.equal((await all.wait(id, { for: "exit" })).process.ended?.end, "exited");
      await until("the daemon runs", () => processesWith(name).length === 1);
      await all.kill(id);
      await until("the daemon is gone", () => processesWith(name).length === 0);
    });

    test("signals are those that were chosen", async () => {
      const { id } = await all.start("trap 'echo got-usr1' USR1; echo up; while true; do sleep 0.05; done");
      await all.wait(id, { for: "log", pattern: "up", regex: false });
      await all.signal(id, 10);
      assert.equal((await all.wait(id, { for: "log", pattern: "got", regex: false })).line, "got-usr1");
      await all.signal(id, TERM);
      assert.equal((await all.wait(id, { for: "exit" })).process.ended?.signal, "SIGTERM");
      assert.equal(await all.refused("signal", { process: id, signal: TERM }), "process_ended");
      assert.equal((await all.request("signal", { process: id, signal: 0 })).status, 400);
    });

    test("the time limit ends everything that a process has started", async () => {
      const name = marker();
      const { id } = await all.start(`echo partial; (setsid ${sleeper(name)} &); sleep 1000`, { timeoutMs: 500 });
      const log = await all.log(id);
      assert.deepEqual([log.process.ended?.end, log.process.ended?.exitCode, log.out.toString()], ["timeout", 124, "partial\n"]);
      await until("the tree is gone", () => processesWith(name).length === 0);
    });

    test("standard input stays open until it is closed", async () => {
      const { id, stdin } = await all.start("while read line; do echo got $line; done; echo end", { stdin: true });
      assert.equal(stdin, true);
      await all.write(id, "one\n");
      assert.equal((await all.wait(id, { for: "log", pattern: "got", regex: false })).line, "got one");
      await all.write(id, "é".repeat(100_000) + "\n", true);
      const log = await all.log(id);
      assert.equal(log.out.toString(), `got one\ngot ${"é".repeat(100_000)}\nend\n`);
      assert.equal(await all.refused("stdin", { process: id, data: "", close: false }), "process_ended");
      const closed = await all.start("sleep 1000");
      assert.equal(await all.refused("stdin", { process: closed.id, data: "", close: false }), "stdin_closed");
      await all.kill(closed.id, true);
    });

    test("fifty processes of 10,000 lines each lose nothing before two readers, of which one comes back", async () => {
      const started = await Promise.all(Array.from({ length: 50 }, (_, index) => all.start(`for i in {1..10000}; do echo ${index}-$i; done`)));
      const whole = (index: number) => Array.from({ length: 10_000 }, (_, i) => `${index}-${i + 1}\n`).join("");
      await Promise.all(
        started.map(async ({ id }, index) => {
          const pieces: Buffer[] = [];
          let position = 0;
          // Leaves after every fifth event, and resumes after the last one.
          for (let isOver = false; !isOver; ) {
            let events = 0;
            for await (const event of all.watch("logs", { process: id, after: position, follow: true })) {
              if (event.type === "end") isOver = true;
              else if (event.type === "stdout") pieces.push(Buffer.from(event.data, "base64"));
              else assert.fail(JSON.stringify(event));
              position = event.position;
              if (++events === 5) break;
            }
          }
          assert.equal(Buffer.concat(pieces).toString(), whole(index));
          assert.equal((await all.log(id)).out.toString(), whole(index));
        }),
      );
      await Promise.all(started.map(({ id }) => all.kill(id, true)));
    });

    test("a flood is bounded, tells what it dropped, and stops neither itself nor others", async () => {
      const flood = await all.start("yes 0123456789012345678901234567890123456789 | head -c 20000000; echo; echo over");
      const calm = await all.start("for i in 1 2 3; do echo $i; sleep 0.05; done");
      assert.equal((await all.log(calm.id)).out.toString(), "1\n2\n3\n");
      assert.equal((await all.wait(flood.id, { for: "exit" })).outcome, "exited");
      const log = await all.log(flood.id);
      assert.equal(log.out.length + log.dropped, 20_000_006);
      assert(log.out.length <= 2 << 20 && log.out.toString().endsWith("\nover\n"));
      assert.equal(log.process.droppedBytes, log.dropped);
      await all.kill(flood.id, true);
    });

    test("a fork bomb leaves the other processes alone, and ends", async () => {
      const calm = await all.start("echo up; while true; do sleep 0.05; done");
      await all.wait(calm.id, { for: "log", pattern: "up", regex: false });
      const bomb = await all.start(["python3", "-c", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"], { timeoutMs: 3_000 });
      assert.equal((await all.wait(bomb.id, { for: "exit" }, 60_000)).process.ended?.end, "timeout");
      assert.equal((await all.get(calm.id)).ended, undefined);
      assert.equal(await sandbox.sh("echo on"), "on\n");
      await all.kill(calm.id, true);
    });

    test("a line is waited for, in both streams, whether or not it was there before", async () => {
      const { id } = await all.start("echo listening on port 8080 >&2; printf 'prompt> '; sleep 1000");
      const line = await all.wait(id, { for: "log", pattern: "port (\\d+)", regex: true });
      assert.deepEqual([line.outcome, line.line, line.groups], ["line", "listening on port 8080", ["8080"]]);
      assert.equal((await all.wait(id, { for: "log", pattern: "listening", regex: false })).outcome, "line");
      assert.equal((await all.wait(id, { for: "log", pattern: "prompt>", regex: false })).line, "prompt> ");
      assert.equal((await all.wait(id, { for: "log", pattern: "never", regex: false }, 300)).outcome, "timeout");
      const waiting = all.wait(id, { for: "log", pattern: "never", regex: false });
      await all.kill(id);
      assert.equal((await waiting).outcome, "exited");
      assert.equal((await all.wait(id, { for: "log", pattern: "never", regex: false })).outcome, "exited");
      const bad = await sandbox.request("POST", "/processes/events", JSON.stringify({ op: "wait", process: id, condition: { for: "log", pattern: "(", regex: true }, timeoutMs: 1 }));
      assert.equal(((await bad.json()) as { code: string }).code, "bad_pattern");
      // A pattern that takes other engines years.
      const slow = await all.start(`printf '%s\\n' ${"a".repeat(2_000)}!`);
      assert.equal((await all.wait(slow.id, { for: "log", pattern: "(a+)+$", regex: true })).outcome, "exited");
    });

    for (const [family, address] of [["4", "127.0.0.1"], ["6", "::1"]] as const) {
      test(`a port that listens on IPv${family} is seen`, async (t) => {
        const port = 3_000 + Number(family);
        const program = `import socket, time\ntime.sleep(0.3)\ns = socket.create_server(("${address}", ${port}), family=socket.AF_INET${family === "6" ? "6" : ""})\nprint("up", flush=True)\ntime.sleep(1000)`;
        const { id } = await all.start(["python3", "-c", program]);
        const waited = await all.wait(id, { for: "port", port });
        if (family === "6" && waited.outcome === "exited") return t.skip("no IPv6 here");
        assert.equal(waited.outcome, "listening");
        assert.equal((await all.wait(id, { for: "port", port: 4_999 }, 200)).outcome, "timeout");
        const waiting = all.wait(id, { for: "port", port: 4_999 });
        await all.kill(id);
        assert.equal((await waiting).outcome, "exited");
      });
    }

    test("the log of a program that writes bytes is exact", async () => {
      const { id } = await all.start(["python3", "-c", "import os; os.write(1, bytes(range(256)))"]);
      assert.deepEqual((await all.log(id)).out, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    });

    test("what has ended is forgotten at last, the oldest first", async () => {
      const own = await RunnerSandbox.create(runner);
      const few = new RunnerProcesses(own);
      const first = await few.start("true");
      await few.wait(first.id, { for: "exit" });
      for (let round = 0; round < 7; round++) {
        const started = await Promise.all(Array.from({ length: 10 }, () => few.start("true")));
        await Promise.all(started.map(({ id }) => few.wait(id, { for: "exit" })));
      }
      await until("only the latest are listed", async () => (await few.list()).length === 64);
      assert.equal(await few.refused("get", { process: first.id }), "unknown_process");
      await own.delete();
    });

    test("all are killed together, and a sandbox that is deleted leaves nothing", async () => {
      const own = await RunnerSandbox.create(runner);
      const [first, second] = [marker(), marker()];
      const few = new RunnerProcesses(own);
      await Promise.all([1, 2, 3].map(() => few.start(`(setsid ${sleeper(first)} &); ${sleeper(first)}`)));
      await until("they run", () => processesWith(first).length === 6);
      assert.ok((await few.list("killAll")).every((one) => one.ended?.end === "killed"));
      await until("they are gone", () => processesWith(first).length === 0);
      const last = await few.start(`(setsid ${sleeper(second)} &); echo up; ${sleeper(second)}`);
      await until("it runs", () => processesWith(second).length === 2);
      let deleted: Promise<void> | undefined;
      for await (const event of few.watch("logs", { process: last.id, after: 0, follow: true })) {
        // A reader is there, and learns of the end.
        if (event.type === "stdout") deleted = own.delete();
        else assert.equal(event.type === "end" && event.process.ended?.end, "killed");
      }
      await deleted;
      assert.deepEqual(processesWith(second), []);
      assert.equal((await few.request("list")).status, 404);
    });
  });
}
