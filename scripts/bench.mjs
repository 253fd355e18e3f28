//! `npm run bench [-- --json FILE --record --n N]`: builds everything as it is deployed, then measures it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { findEngine } from "./containers/engine.mjs";
import { main } from "./setup/missing.mjs";
import { installPackageTools } from "./setup/packages.mjs";
import { inRoot, node } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";

await main(async () => {
  await prepare();
  await installPackageTools();
  const engine = await findEngine();
  if (engine.missing !== undefined) process.stdout.write(`Containers are not measured: ${engine.missing}.\n`);
  for (const part of ["runner.ts", "main.ts", "several.ts", "platform.ts", "isolates.ts", "packages.ts", ...(engine.missing === undefined ? ["containers.ts"] : [])]) {
    const child = spawn(node, [inRoot("scripts", "bench", part), ...process.argv.slice(2)], { stdio: "inherit" });
    const code = (await once(child, "exit"))[0] ?? 1;
    if (code !== 0) return code;
  }
  return 0;
});
