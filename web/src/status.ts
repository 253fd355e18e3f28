//! How a run ended, in words, icons and numbers.

import { Ban, CircleCheck, CircleX, FileX, MemoryStick, PackageX, Scissors, ServerCrash, Timer, Zap } from "@lucide/vue";
import type { Component } from "vue";
import { duration, memory } from "./format.ts";

/** Word and icon of each status. */
const STATUSES: Record<string, [word: string, icon: Component]> = {
  success: ["Success", CircleCheck],
  error: ["Error", CircleX],
  timeout: ["Timed out", Timer],
  memory: ["Out of memory", MemoryStick],
  output: ["Too much output", Scissors],
  killed: ["Killed", Zap],
  install_failed: ["Install failed", PackageX],
  system: ["System", ServerCrash],
  cancelled: ["Cancelled", Ban],
  compile_error: ["Does not compile", FileX],
};

/** The statuses, for filters and legends. */
export const statuses = Object.keys(STATUSES);

const of = (status: string) => (Object.hasOwn(STATUSES, status) ? STATUSES[status] : undefined);

/** The word for a status. */
export const wordOf = (status: string): string => of(status)?.[0] ?? status;

/** The icon of a status. */
export const iconOf = (status: string): Component => of(status)?.[1] ?? CircleX;

/** What the line at the end of a run tells. */
export interface Ended {
  status: string;
  exitCode: number;
  signal: string | null;
  truncated: { stdout: boolean; stderr: boolean };
  usage: { cpuMs: number; memMB: number; durationMs: number; queueMs: number; installMs: number; blockedConnections: number };
}

/** The parts after the word: the usual ones, then what is unusual. */
export function partsOf({ exitCode, signal, truncated, usage }: Ended): string[] {
  const parts = [`exit ${exitCode}`, duration(usage.durationMs), memory(usage.memMB), `cpu ${duration(usage.cpuMs)}`];
  if (signal !== null) parts.push(signal);
  if (usage.installMs > 0) parts.push(`install ${duration(usage.installMs)}`);
  if (usage.queueMs > 100) parts.push(`queue ${duration(usage.queueMs)}`);
  if (truncated.stdout || truncated.stderr) parts.push("the beginning is kept");
  if (usage.blockedConnections > 0) parts.push(`${usage.blockedConnections} blocked connections`);
  return parts;
}

/** One sentence where there is room; empty for a status that says all. */
export function explain({ status, signal, usage }: Ended, limits: { memoryMB: number }): string {
  if (status === "timeout") return `Stopped after ${duration(usage.durationMs)}. Raise the time limit, or look for a loop that never ends.`;
  if (status === "memory") return `It needed more than ${limits.memoryMB} MB.`;
  if (status === "output") return "More was printed than the limit allows; the beginning is kept.";
  if (status === "killed") return `Ended by ${signal ?? "a signal"}.`;
  if (status === "install_failed") return "The packages could not be installed, or the repository not be fetched; the program did not start.";
  if (status === "system") return "Our sandbox failed, not your program. Run it again.";
  return "";
}
