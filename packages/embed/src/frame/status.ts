//! How a run ended, in words: the line below the output.

import type { Result } from "./run.ts";

const words: Record<string, string> = {
  success: "Success",
  error: "Error",
  timeout: "Timed out",
  memory: "Out of memory",
  output: "Too much output",
  killed: "Killed",
  cancelled: "Cancelled",
  compile_error: "Does not compile",
  install_failed: "Install failed",
  system: "System",
};

/** The word for a status. */
export const wordOf = (status: string): string => (Object.hasOwn(words, status) ? (words[status] ?? status) : status);

/** A duration: one decimal below 10 ms, whole milliseconds below a second, then seconds. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

/** The parts of the line, the word first. */
export function partsOf({ status, exitCode, signal, usage }: Result): string[] {
  return [wordOf(status), `exit ${exitCode}`, duration(usage.durationMs), ...(signal === null ? [] : [signal])];
}

/** The sentence below output that ended otherwise than it should. */
export function sentenceOf({ status, signal, truncated, usage }: Result): string {
  if (status === "timeout") return `Stopped after ${duration(usage.durationMs)}. Is there a loop that never ends?`;
  if (status === "memory") return "It needed more memory than this playground has.";
  if (status === "killed") return `Ended by ${signal ?? "a signal"}.`;
  if (status === "system") return "Our sandbox failed, not your program. Run it again.";
  if (status === "output" || truncated.stdout || truncated.stderr) return "More was printed than is shown; the beginning is kept.";
  return "";
}
