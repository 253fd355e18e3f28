//! Waiting for a condition instead of for a time.

import { setTimeout as pause } from "node:timers/promises";

/** Resolves when `condition` holds; rejects, naming what was awaited, when it does not within `seconds`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  for (let tries = 0; tries < seconds * 40; tries++) {
    if (await condition()) return;
    await pause(25);
  }
  throw new Error(`waited in vain for: ${what}`);
}
