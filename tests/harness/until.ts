//! Waiting for a condition instead of for a time.

import { setTimeout as pause } from "node:timers/promises";

/** How much longer than it should a condition may take to answer: a page that is stuck answers nothing. */
const STUCK_S = 60;

/** Resolves when `condition` holds; rejects, naming what was awaited, when it does not within `seconds`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  const end = pause((seconds + STUCK_S) * 1_000, "stuck" as const, { ref: false });
  for (let tries = 0; tries < seconds * 40; tries++) {
    const holds = await Promise.race([condition(), end]);
    if (holds === "stuck") throw new Error(`waited in vain for: ${what}; the last look at it did not end`);
    if (holds) return;
    await pause(25);
  }
  throw new Error(`waited in vain for: ${what}`);
}
