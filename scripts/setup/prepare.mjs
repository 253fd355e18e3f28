//! All of set-up. What does not need one another runs side by side, because the compiler alone cannot use all processors.

import { installUv, python } from "./interpreters.mjs";
import { buildEmbed } from "./embed.mjs";
import { installPackages } from "./packages.mjs";
import { buildRunner, buildWorkers } from "./programs.mjs";
import { buildBindgen, prepareRust } from "./rust.mjs";
import { buildSite } from "./web.mjs";

/** @typedef {"worker" | "isolates" | "runner"} Program */

/** @type {Program[]} */
export const PROGRAMS = ["worker", "isolates", "runner"];

/** Compiles programs, with everything that they need for it. Does only what is missing or out of date. @param {Program[]} programs */
export async function build(programs) {
  const rust = prepareRust();
  const packages = installPackages();
  // The Worker contains the files of the embed frame.
  const embed = programs.includes("worker") ? packages.then(buildEmbed) : undefined;
  // The site is deployed with the Worker.
  const site = programs.includes("worker") ? packages.then(buildSite) : undefined;
  const workers = programs.filter((program) => program !== "runner");
  const tools = Promise.all([packages, workers.length > 0 ? rust.then(buildBindgen) : undefined]);
  await Promise.all([
    tools,
    site,
    Promise.all([rust, embed]).then(() => buildWorkers(workers, tools)),
    rust.then(() => (programs.includes("runner") ? buildRunner() : undefined)),
  ]);
}

/** Everything that `npm start`, the tests and the benchmark run. Does only what is missing or out of date. */
export async function prepare() {
  python();
  await Promise.all([build(PROGRAMS), installUv()]);
}
