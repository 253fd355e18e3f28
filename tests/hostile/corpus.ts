//! Runs the corpus against one runner, and watches that nothing but each attack's own result changes.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { job, run, type Language } from "../harness/jobs.ts";
import { processesWith, type AnyRunner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";
import type { Scene, Theme } from "./attack.ts";
import { asBefore, look } from "./machine.ts";

/** A jailer, the first process of the next jail, and the interpreter that waits in it. */
const PROCESSES_OF_A_PLACE = 3;
/** Descriptors that a server at rest may hold more than once: connections that are kept alive. */
const SPARE_DESCRIPTORS = 40;

/** Makes a test of every attack, and of what must still hold after each theme. */
export function attackWith(themes: Theme[], runner: AnyRunner): void {
  for (const { name, attacks, crowd } of themes) {
    describe(name, () => {
      for (const attack of attacks) {
        test(attack.name, async () => {
          const scene = await sceneOf(runner);
          const before = look(runner);
          await attack.act(scene);
          await nothingOf(scene);
          await asBefore(before, runner);
        });
      }
      test("after all that an honest run is right", () => honest(runner, 0));
      test("after all that nothing is left", () => atRest(runner));
      if (crowd) test("side by side with honest runs", () => sideBySide(runner, attacks));
    });
  }
}

let scenes = 0;

async function sceneOf(runner: AnyRunner): Promise<Scene> {
  const { tier, properties } = await runner.health();
  const marker = `attack-${process.pid}-${scenes++}-`;
  return { runner, tier, capsMemory: properties.memory?.startsWith("cgroup") ?? false, marker };
}

/** Every third attack once more and at once, four at a time, while honest programs run one after another. */
async function sideBySide(runner: AnyRunner, attacks: Theme["attacks"]): Promise<void> {
  const rest = attacks.filter((_, index) => index % 3 === 0);
  const failures: string[] = [];
  let attacking = true;
  const attacker = async () => {
    for (let attack = rest.shift(); attack; attack = rest.shift()) {
      await attack.act(await sceneOf(runner)).catch((error: Error) => void failures.push(`${attack.name}: ${error.message}`));
    }
  };
  const citizen = async () => {
    for (let number = 0; attacking; number++) await honest(runner, number);
  };
  const citizens = citizen();
  await Promise.all(Array.from({ length: 4 }, attacker)).finally(() => (attacking = false));
  await citizens;
  assert.deepEqual(failures, []);
  await atRest(runner);
}

/** A program of either language that uses what programs use, and must give exactly this result. */
export async function honest(runner: AnyRunner, number: number): Promise<void> {
  const stdin = `line ${number}\n`.repeat(1_000);
  const digest = createHash("sha256").update(stdin).digest("hex");
  const programs: Record<Language, string> = {
    python: "import hashlib, subprocess, sys\nopen('/tmp/a', 'w').write('é' * 1000)\nprint(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(), len(open('/tmp/a').read()), subprocess.check_output(['echo', 'child']).decode(), end='')\nprint('err', file=sys.stderr)\nsys.exit(3)",
    node: "const fs = require('fs'); fs.writeFileSync('/tmp/a', 'é'.repeat(1000));\nconsole.log(require('crypto').createHash('sha256').update(fs.readFileSync(0)).digest('hex'), fs.readFileSync('/tmp/a', 'utf8').length, String(require('child_process').execSync('echo child')).trim());\nconsole.error('err'); process.exit(3)",
  };
  for (const language of ["python", "node"] as const) {
    const { status, exitCode, signal, stdout, stderr } = await run(runner, job(language, programs[language], { stdin }));
    const expected = { status: "error", exitCode: 3, signal: null, stdout: `${digest} 1000 child\n`, stderr: "err\n" };
    assert.deepEqual({ status, exitCode, signal, stdout, stderr }, expected);
  }
}

/** Waits until the runner has nothing to do and no process of the scene exists. */
async function nothingOf({ runner, tier, marker }: Scene): Promise<void> {
  await until("no run is in progress", async () => (await runner.health()).running === 0);
  await until("no process of the attack is left", () => processesWith(marker).length === 0);
  // The one place is emptied file by file, and nobody has promised how fast that goes with ten thousands of them.
  if (tier === "shared") await until("the place is ready again", async () => Object.values((await runner.health()).waiting).some((count) => count > 0), 120);
}

/** Waits until the runner holds no more than it does when nobody has asked it for anything. */
async function atRest(runner: AnyRunner): Promise<void> {
  const { slots } = await runner.health();
  await until("no run is in progress", async () => (await runner.health()).running === 0);
  await until("only what waits is left", () => descendants(runner.pid).length <= slots * PROCESSES_OF_A_PLACE);
  await until("no process that has ended is left unasked", () => descendants(runner.pid).every((pid) => stateOf(pid) !== "Z"));
  if (process.getuid?.() !== 0) return;
  // Each waiting jail has a control socket, its pidfd and three streams; each place a jailer's socket.
  const most = slots * 6 + SPARE_DESCRIPTORS;
  await until("no descriptor is left", () => readdirSync(`/proc/${runner.pid}/fd`).length <= most);
}

/** The state of a process by its letter, see proc_pid_stat(5). */
function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[0];
  } catch {
    return undefined;
  }
}

function descendants(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const below = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === ancestor || below(parent));
  };
  return [...parents.keys()].filter(below);
}
