//! Runs a program twice, in an interpreter that waited for it and in one that was started for it, and compares.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { again, job, run, type Job, type Language, type Report, type Rest } from "../harness/jobs.ts";
import type { AnyRunner } from "../harness/runner.ts";

/** A program whose result must not depend on how its interpreter was started. */
export interface Program {
  name: string;
  code: string;
  rest?: Rest;
  /** Whether it shows what only namespaces make the same for every run, or does what it may only in one of its own. */
  apart?: boolean;
  /** Where equal results are not enough: what must hold of both. */
  holds?: (report: Report) => void;
}

/** What programs read when they read: two lines. */
export const STDIN = "first line\nsecond line\n";

/** Interpreters that wait hold more memory than this, so the runner starts a new one for such a job. */
const COLD_MB = 95;

/** The same job for an interpreter of its own. */
export const cold = (warm: Job): Job => ({ ...again(warm), limits: { ...warm.limits, memoryMB: COLD_MB } });

/** What a program shows of itself, without what differs between any two runs. */
export function shown({ status, exitCode, signal, stdout, stderr }: Report) {
  return { status, exitCode, signal, stdout: normal(stdout), stderr: normal(stderr) };
}

function normal(text: string): string {
  return (
    text
      // Every place has a user of its own, and the two runs may have had different places.
      .replaceAll(/\b(?:1[5-9]|20)\d{5}\b/g, "<uid>")
      // The kernel puts libraries, heaps and stacks elsewhere in every process.
      .replaceAll(/\b0x[0-9a-f]{6,}\b/gi, "<address>")
      // So does it with the frames of a native stack trace, whose alignment follows the addresses.
      .replaceAll(/^ *\d+: <address> .*$/gm, "<frame>")
  );
}

/** What a program shows where no namespace numbers its processes. Node signs its warnings with its number. */
function shownAnywhere(report: Report) {
  const { stderr, ...rest } = shown(report);
  return { ...rest, stderr: stderr.replaceAll(/^\(node:\d+\)/gm, "(node:<pid>)") };
}

/** Makes a test of every program of a theme, or of those that need no namespaces. */
export function conform(runner: AnyRunner, language: Language, theme: string, programs: Program[], { namespaces = true } = {}): void {
  const seen = namespaces ? shown : shownAnywhere;
  describe(theme, () => {
    for (const { name, code, rest, holds } of programs.filter(({ apart }) => namespaces || !apart)) {
      test(name, async () => {
        const warm = job(language, code, { stdin: STDIN, ...rest });
        const [fromWarm, fromCold] = await Promise.all([run(runner, warm), run(runner, cold(warm))]);
        assert.deepEqual(seen(fromWarm), seen(fromCold));
        assert.notEqual(fromWarm.status, "system");
        holds?.(fromWarm);
        holds?.(fromCold);
      });
    }
  });
}

/** Asserts what a program printed. */
export const prints = (text: string) => (report: Report) => assert.equal(report.stdout, text, report.stderr);

/** Asserts how a program ended. */
export const ends = (status: Report["status"], exitCode: number, signal: string | null = null) => (report: Report) =>
  assert.deepEqual([report.status, report.exitCode, report.signal], [status, exitCode, signal], report.stderr);

/** Asserts the last line of standard error. */
export const fails = (lastLine: string) => (report: Report) => assert.equal(report.stderr.trimEnd().split("\n").at(-1), lastLine);
