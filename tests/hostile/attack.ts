//! What a hostile program is here: something to run, and what must hold of its result and of the machine afterwards.

import assert from "node:assert/strict";
import { events, job, type Job, type Language, type Report, type Rest } from "../harness/jobs.ts";
import type { AnyRunner } from "../harness/runner.ts";

/** Where an attack happens. */
export interface Scene {
  runner: AnyRunner;
  /** The runner's own name for how its jails are made. */
  tier: string;
  /** Whether the kernel caps the memory of a run; elsewhere the runner watches it and sees a fast program late. */
  capsMemory: boolean;
  /** What every process of an attack carries in its command line, so that it can be recognised from outside. */
  marker: string;
}

/** One entry of the corpus. */
export interface Attack {
  name: string;
  /** Whether only namespaces hold what it attacks: docs/security.md says what can be seen and done without them. */
  apart?: boolean;
  /** Attacks, and throws where the property does not hold. */
  act(scene: Scene): Promise<void>;
}

export interface Theme {
  name: string;
  attacks: Attack[];
  /** Whether some of the attacks also run at once, beside honest programs whose results must not change. */
  crowd?: boolean;
}

/** A result, and how much later than the program's limit it came. */
export interface Result extends Report {
  lateMs: number;
}

/** What must hold of a result. */
export type Property = (report: Result, scene: Scene) => void | Promise<void>;

/** Time enough for what ends by itself, on a busy machine. */
const PATIENT = { timeoutMs: 20_000 };

/** Runs a program in the scene; MARKER in its text becomes the scene's. Nothing of it may be the runner's own fault. */
export async function attempt(scene: Scene, language: Language, code: string, rest: Rest = {}): Promise<Result> {
  const job = prepared(scene, language, code, rest);
  const output = { stdout: "", stderr: "" };
  let began = performance.now();
  for await (const event of events(scene.runner, job)) {
    if (event.type === "start") began = performance.now();
    if (event.type === "stdout" || event.type === "stderr") output[event.type] += event.data;
    if (event.type !== "complete") continue;
    const result = { ...event.report, ...output, lateMs: performance.now() - began - event.report.usage.installMs - job.limits.timeoutMs };
    assert.notEqual(result.status, "system", tail(result));
    return result;
  }
  throw new Error("the stream ends without a report");
}

function prepared(scene: Scene, language: Language, code: string, rest: Rest): Job {
  return job(language, code.replaceAll("MARKER", scene.marker), { ...rest, limits: { ...PATIENT, ...rest.limits } });
}

/** An attack in Python. */
export const python = (name: string, code: string, holds: Property, rest?: Rest): Attack => ({
  name: `python: ${name}`,
  act: async (scene) => holds(await attempt(scene, "python", code, rest), scene),
});

/** An attack in Node. */
export const node = (name: string, code: string, holds: Property, rest?: Rest): Attack => ({
  name: `node: ${name}`,
  act: async (scene) => holds(await attempt(scene, "node", code, rest), scene),
});

/** An attack in sh, whose process the interpreter becomes. */
export const shell = (name: string, script: string, holds: Property, rest: Rest = {}): Attack => ({
  name: `shell: ${name}`,
  async act(scene) {
    const files = [{ path: "attack.sh", content: script.replaceAll("MARKER", scene.marker) }, ...(rest.files ?? [])];
    holds(await attempt(scene, "python", "import os; os.execvp('sh', ['sh', 'attack.sh', 'MARKER'])", { ...rest, files }), scene);
  },
});

/** An attack that leaves something behind, and the Python of a later run that looks for it and must print nothing. */
export const leftover = (name: string, leave: string, look: string, rest?: Rest): Attack => ({
  name: `left behind: ${name}`,
  async act(scene) {
    // More runs than slots, so that every slot is looked into.
    for (let place = 0; place < 2; place++) await attempt(scene, "python", leave, rest);
    const { slots } = await scene.runner.health();
    const found = await Promise.all(Array.from({ length: slots }, () => attempt(scene, "python", look, rest)));
    for (const report of found) assert.deepEqual([report.stdout, report.exitCode], ["", 0], report.stderr);
  },
});

/** A Python program that says `ready` and stays, and the Python of a run meanwhile that must print what is expected. */
export const meanwhile = (name: string, stay: string, visit: string, expected: string, rest?: Rest): Attack => ({
  name: `meanwhile: ${name}`,
  // Without namespaces one program runs at a time.
  apart: true,
  async act(scene) {
    const staying = events(scene.runner, prepared(scene, "python", `${stay}\nimport signal\nprint('ready', flush=True)\nsignal.pause()`, rest ?? {}));
    try {
      // Step by step, because leaving a loop would end the stream, and with it the run.
      for (let event = (await staying.next()).value; event?.type !== "stdout"; event = (await staying.next()).value) {
        assert.equal(event?.type, "start", JSON.stringify(event));
      }
      const report = await attempt(scene, "python", visit, rest);
      assert.equal(report.stdout, expected, report.stderr);
      assert.equal((await scene.runner.health()).running, 1, "the other one still runs");
    } finally {
      await staying.return(undefined);
    }
  },
});

/** An attack on what only namespaces hold. */
export const apart = (attack: Attack): Attack => ({ ...attack, apart: true });

/** Asserts everything that a program prints to standard output. */
export const prints = (text: string): Property => (report) => assert.equal(report.stdout, text, tail(report));

/** Asserts that every line a program prints is allowed, and that there is one. */
export const printsOnly = (allowed: RegExp): Property => (report) => {
  const lines = report.stdout.split("\n").filter((line) => line !== "");
  assert.ok(lines.length > 0, tail(report));
  for (const line of lines) assert.match(line, allowed);
};

/** Asserts how a run ended. */
export const ends = (...statuses: Report["status"][]): Property => (report) => assert.ok(statuses.includes(report.status), `${report.status}: ${tail(report)}`);

/** Milliseconds after its limit within which a run is answered, whatever its program holds: `GRACE_MS` of crates/protocol. */
const GRACE_MS = 500;

/** Asserts that an answer came in time. */
export const inTime: Property = (report) => assert.ok(report.lateMs <= GRACE_MS, `${report.lateMs} ms late: ${tail(report)}`);

/** Asserts that the clock ended a run, that its code says so, and that the answer came in time. */
export const timesOut: Property = (report, scene) => {
  assert.deepEqual([report.status, report.exitCode], ["timeout", 124], tail(report));
  return inTime(report, scene);
};

/** An attack, and many honest runs after it in every slot. */
export const thenMany = (attack: Attack): Attack => ({
  ...attack,
  async act(scene) {
    await attack.act(scene);
    for (let round = 0; round < 8; round++) {
      const { slots } = await scene.runner.health();
      const reports = await Promise.all(Array.from({ length: 3 * slots }, () => attempt(scene, "python", "print(1)", { limits: { memoryMB: 64 } })));
      assert.deepEqual(reports.map(({ status, stdout }) => [status, stdout]), Array(3 * slots).fill(["success", "1\n"]));
    }
  },
});

/** Asserts several properties. */
export const all = (...properties: Property[]): Property => async (report, scene) => {
  for (const property of properties) await property(report, scene);
};

/** The end of what a program said, for messages. */
const tail = (report: Report) => JSON.stringify({ ...report, stdout: report.stdout.slice(-500), stderr: report.stderr.slice(-500) });

/** Limits for a program that only its clock ends. */
export const briefly: Rest = { limits: { timeoutMs: 700 } };
