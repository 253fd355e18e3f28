//! Sandboxes end with their runner, however that ends; and after a hostile one the runner is as before.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { describe, test, type TestContext } from "node:test";
import { job, run } from "../harness/jobs.ts";
import { processesWith, Runner } from "../harness/runner.ts";
import { RunnerSandbox, newId } from "../harness/sandboxes.ts";
import { until } from "../harness/until.ts";

const marker = () => `marker-${randomBytes(6).toString("hex")}`;

/** A runner of this test's own. */
async function started(t: TestContext): Promise<Runner> {
  const runner = await Runner.start();
  t.after(() => runner.stop());
  return runner;
}

/** Control groups of sandboxes of a runner, in all hierarchies: their numbers come after those of the slots. */
const groupsOf = (pid: number, slots: number) => {
  const top = "/sys/fs/cgroup";
  const directories = existsSync(top) ? [top, ...readdirSync(top, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => `${top}/${entry.name}`)] : [];
  return directories.flatMap((directory) => readdirSync(directory).filter((name) => name.startsWith(`docle-${pid}-`) && Number(name.split("-").at(-1)) >= slots));
};
const mounts = () => readFileSync("/proc/self/mounts", "utf8");

describe("sandboxes end with their runner", () => {
  test("a runner that is stopped leaves no process, group or mount", async (t) => {
    const before = mounts();
    const runner = await started(t);
    const { pid } = runner;
    const { slots } = await runner.health();
    const name = marker();
    const sandboxes = await Promise.all(Array.from({ length: 3 }, () => RunnerSandbox.create(runner)));
    await Promise.all(sandboxes.map((sandbox) => sandbox.sh(`(setsid bash -c 'exec -a ${name} sleep 1000' >/dev/null 2>&1 &)`)));
    assert.equal(processesWith(name).length, 3);
    await runner.stop();
    assert.deepEqual(processesWith(name), []);
    assert.deepEqual(groupsOf(pid, slots), []);
    assert.equal(mounts(), before);
  });

  test("a runner that is killed leaves no process or mount, and the next one removes its groups", async (t) => {
    const before = mounts();
    const runner = await started(t);
    const { pid } = runner;
    const { slots } = await runner.health();
    const name = marker();
    const id = newId();
    const sandbox = await RunnerSandbox.create(runner, {}, id);
    const running = sandbox.exec(`(setsid bash -c 'exec -a ${name} sleep 1000' &); bash -c 'exec -a ${name} sleep 1000'`);
    running.catch(() => undefined);
    await until("both run", () => processesWith(name).length === 2);
    await runner.kill();
    await until("the processes are gone", () => processesWith(name).length === 0);
    assert.equal(mounts(), before);
    await runner.restart();
    assert.deepEqual(groupsOf(pid, slots), []);
    const response = await sandbox.request("GET");
    assert.equal(response.status, 404);
    assert.equal(((await response.json()) as { code: string }).code, "unknown_sandbox");
    await RunnerSandbox.create(runner, {}, id);
  });

  test("a sandbox whose init was ended is gone, and so is everything of it", async (t) => {
    const runner = await started(t);
    const name = marker();
    const sandbox = await RunnerSandbox.create(runner);
    const running = sandbox.exec(`bash -c 'exec -a ${name} sleep 1000'`);
    await until("it runs", () => processesWith(name).length === 1);
    // From outside: the parent of the command's shell, or its monitor's.
    const parent = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1]);
    const isInit = (pid: number) => / 1\n/.test(readFileSync(`/proc/${pid}/status`, "utf8").match(/NSpid:.*\n/)?.[0].replaceAll("\t", " ") ?? "");
    let init = processesWith(name)[0] ?? 0;
    while (!isInit(init)) init = parent(init);
    process.kill(init, "SIGKILL");
    assert.equal((await running).end, "system");
    await until("the sandbox is gone", async () => (await sandbox.request("GET")).status === 404);
    assert.deepEqual(processesWith(name), []);
  });
});

test("two hundred runs after a hostile sandbox are fine", async (t) => {
  const runner = await started(t);
  const hostile = await RunnerSandbox.create(runner, { memoryMB: 96, diskMB: 32 });
  const programs = ["while True:\n  try: os.fork()\n  except OSError: pass", "a = []\nwhile True: a.append(bytearray(1 << 20))", "while True:\n  try: os.mkdir('d'); os.chdir('d')\n  except OSError: break"];
  await Promise.all(programs.map((program) => hostile.exec(["python3", "-c", `import os\n${program}`], { timeoutMs: 2_000 })));
  await hostile.delete();
  for (let round = 0; round < 25; round++) {
    const reports = await Promise.all(Array.from({ length: 8 }, (_, index) => run(runner, job("python", `print(${round} * 8 + ${index})`))));
    reports.forEach((report, index) => assert.deepEqual([report.status, report.stdout], ["success", `${round * 8 + index}\n`]));
  }
  const { running } = await runner.health();
  assert.equal(running, 0);
});
