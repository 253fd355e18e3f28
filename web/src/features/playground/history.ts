//! The last runs of this browser.

import { shallowRef } from "vue";
import { keep, kept } from "../../storage.ts";
import { type Program, readProgram } from "./program.ts";

export interface PastRun {
  id: string;
  at: string;
  status: string;
  durationMs: number;
  program: Program;
}

const MOST = 50;

function read(): PastRun[] {
  try {
    const found = JSON.parse(kept("history") ?? "[]") as unknown;
    if (!Array.isArray(found)) return [];
    return found.flatMap((one: Partial<PastRun>) => {
      const program = readProgram(one?.program);
      const isRun = program !== undefined && typeof one.id === "string" && typeof one.at === "string" && typeof one.status === "string" && typeof one.durationMs === "number";
      return isRun ? [{ ...(one as PastRun), program }] : [];
    });
  } catch {
    return [];
  }
}

/** The runs, the newest first. */
export const history = shallowRef<PastRun[]>(read());

/** Adds a run. Where the store is full, the oldest give way. */
export function remember(run: PastRun): void {
  // Values of the environment may be secrets, and a browser is no place for them.
  const own = { ...run, program: { ...run.program, env: "" } };
  history.value = [own, ...history.value].slice(0, MOST);
  for (let count = history.value.length; count > 0; count = Math.floor(count / 2)) if (keep("history", JSON.stringify(history.value.slice(0, count)))) return;
}

/** Forgets all runs. */
export function clearHistory(): void {
  history.value = [];
  keep("history", "[]");
}
