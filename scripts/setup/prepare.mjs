//! All of set-up in the order in which one piece needs another.

import { installUv, python } from "./interpreters.mjs";
import { installPackages } from "./packages.mjs";
import { buildIsolates, buildRunner, buildWorker } from "./programs.mjs";
import { installCargoTools, prepareRust } from "./rust.mjs";

/** Tools alone: enough to compile and check. */
export async function prepareTools() {
  await installPackages();
  await prepareRust();
  await installCargoTools();
}

/** Everything that `npm start`, the tests and the benchmark run. Does only what is missing or out of date. */
export async function prepare() {
  python();
  await prepareTools();
  await installUv();
  await buildWorker();
  await buildIsolates();
  await buildRunner();
}

