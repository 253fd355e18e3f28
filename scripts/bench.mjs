//! `npm run bench [-- --json FILE --record --n N]`: builds everything as it is deployed, then measures it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { main } from "./setup/missing.mjs";
import { inRoot, node } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";

await main(async () => {
  await prepare();
  for (const part of ["main.ts", "platform.ts"]) {
    const child = spawn(node, [inRoot("scripts", "bench", part), ...process.argv.slice(2)], { stdio: "inherit" });
    const code = (await once(child, "exit"))[0] ?? 1;
    if (code !== 0) return code;
  }
  return 0;
});
