//! What of a machine belongs to all its processes, and must be as before when a hostile program is gone.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import type { AnyRunner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

/** A look at the machine. */
export interface Machine {
  /** Pages in the buffers of all internet sockets. */
  socketPages: number;
  availableMB: number;
  /** Control groups of this runner. */
  groups: number;
}

/** Other work on the machine may take as much meanwhile. */
const OTHERS_MB = 4_096;
const OTHERS_PAGES = 8_192;

const number = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].reduce((sum, found) => sum + Number(found[1]), 0);

/** Pages that internet sockets hold. Every network of the machine has the same count. */
export const socketPages = () => number(readFileSync("/proc/net/sockstat", "utf8"), /^(?:TCP|UDP):.* mem (\d+)/gm);

/** Looks now. */
export function look(runner: AnyRunner): Machine {
  const groups = "/sys/fs/cgroup/memory";
  return {
    socketPages: socketPages(),
    availableMB: number(readFileSync("/proc/meminfo", "utf8"), /^MemAvailable:\s+(\d+)/gm) / 1_024,
    groups: existsSync(groups) ? readdirSync(groups).filter((name) => name.startsWith(`docle-${runner.pid}-`)).length : 0,
  };
}

/** Waits until the machine is as it was. */
export async function asBefore(before: Machine, runner: AnyRunner): Promise<void> {
  await until("buffers of sockets are given back", () => socketPages() <= before.socketPages + OTHERS_PAGES);
  await until("memory is given back", () => look(runner).availableMB >= before.availableMB - OTHERS_MB);
  assert.equal(look(runner).groups, before.groups);
}
