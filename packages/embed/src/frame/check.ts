//! Whether a program did what its page expects.

import type { Result } from "./run.ts";
import type { Test } from "./setup.ts";

/** Why a program has not passed. */
export interface Failure {
  /** The place of the test, from 0. */
  index: number;
  name?: string;
  expected?: string;
  actual: string;
}

/** The lines that count: without white space at their ends, and without empty lines at the end of all. */
const lines = (text: string) => text.replace(/\r\n?/g, "\n").trimEnd().split("\n").map((line) => line.trimEnd());

/** Why a result is not what a test expects; undefined where it is. */
export function failureOf(test: Test, index: number, result: Result): Failure | undefined {
  const { name, expected } = test;
  const isRight = result.ok && (expected === undefined || lines(expected).join("\n") === lines(result.stdout).join("\n"));
  if (isRight) return undefined;
  return { index, ...(name === undefined ? {} : { name }), ...(expected === undefined ? {} : { expected }), actual: result.stdout };
}

/** The first line that was expected and did not come. */
export function missingLine({ expected = "", actual }: Failure): string {
  const came = lines(actual);
  return lines(expected).find((line, index) => came[index] !== line) ?? "";
}

/** The words below the output for a program that has not passed. */
export function wordsOf(failure: Failure, tests: number, result: Result): string[] {
  const which = failure.name ?? `test ${failure.index + 1} of ${tests}`;
  const line = missingLine(failure);
  const why = !result.ok ? `exit ${result.exitCode}` : line === "" ? "more output than expected" : `expected ${line.length > 60 ? `${line.slice(0, 59)}…` : line}`;
  return [...(tests > 1 ? [which] : []), why];
}
