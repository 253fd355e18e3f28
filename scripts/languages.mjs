//! `node scripts/languages.mjs [language…]`: installs the further languages, or those that it names. `npm start` does this in
//! the background. With `lock` it takes the newest versions of Debian's suites into the lock file instead.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { whyNoApt } from "./languages/apt.mjs";
import { layers } from "./languages/layers.mjs";
import { writeLock } from "./languages/lock.mjs";
import { cache, installed, makeTree } from "./languages/tree.mjs";
import { Missing, main } from "./setup/missing.mjs";

await main(async () => {
  const wanted = process.argv.slice(2);
  const missing = whyNoApt();
  if (missing !== undefined) throw new Missing(missing);
  const known = layers.map(({ id }) => id);
  const unknown = wanted.find((id) => id !== "lock" && !known.includes(id));
  if (unknown !== undefined) throw new Missing(`${unknown} is none of the languages that can be installed: ${known.join(", ")}.`);
  mkdirSync(cache, { recursive: true });
  if (process.env.DOCLE_LANGUAGES_LOCKED === undefined) {
    // Another checkout may be at it, and then this one waits, and finds everything there.
    const command = ["--no-fork", join(cache, "lock"), process.execPath, ...process.argv.slice(1)];
    return spawnSync("flock", command, { stdio: "inherit", env: { ...process.env, DOCLE_LANGUAGES_LOCKED: "1" } }).status ?? 1;
  }
  if (wanted.includes("lock")) return writeLock(cache);
  await makeTree(wanted, (text) => process.stdout.write(`${text}\n`));
  const there = Object.entries(installed()).filter(([id]) => id !== "base");
  process.stdout.write(`Languages: ${there.map(([id, version]) => `${id} ${version}`).join(", ")}.\n`);
});
