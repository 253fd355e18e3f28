//! `npm run build [worker|runner]`: compiles what this repository is made of; everything where nothing is named.

import { main, Missing } from "./setup/missing.mjs";
import { buildRunner, buildWorker } from "./setup/programs.mjs";
import { prepareTools } from "./setup/prepare.mjs";

await main(async () => {
  const [what = "all"] = process.argv.slice(2);
  if (!["all", "worker", "runner"].includes(what)) throw new Missing(`There is no "${what}" to build: say worker, runner or nothing.`);
  await prepareTools();
  if (what !== "runner") await buildWorker();
  if (what !== "worker") await buildRunner();
});
