//! `npm run build [worker|isolates|runner]`: compiles what this repository is made of; everything where nothing is named.

import { main, Missing } from "./setup/missing.mjs";
import { build, PROGRAMS } from "./setup/prepare.mjs";

await main(async () => {
  const [what = "all"] = process.argv.slice(2);
  const programs = PROGRAMS.filter((program) => what === "all" || what === program);
  if (programs.length === 0) throw new Missing(`There is no "${what}" to build: say ${PROGRAMS.join(", ")} or nothing.`);
  await build(programs);
});
