//! `npm run build [worker|isolates|runner]`: compiles what this repository is made of; everything where nothing is named.

import { main, Missing } from "./setup/missing.mjs";
import { buildIsolates, buildRunner, buildWorker } from "./setup/programs.mjs";
import { prepareTools } from "./setup/prepare.mjs";

await main(async () => {
  const [what = "all"] = process.argv.slice(2);
  if (!["all", "worker", "isolates", "runner"].includes(what)) throw new Missing(`There is no "${what}" to build: say worker, isolates, runner or nothing.`);
  await prepareTools();
  const wants = (/** @type {string} */ program) => what === "all" || what === program;
  if (wants("worker")) await buildWorker();
  if (wants("isolates")) await buildIsolates();
  if (wants("runner")) await buildRunner();
});
