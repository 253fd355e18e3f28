//! `npm run dev [-- --containers]`: like `npm start`, under `wrangler dev`, which compiles and loads each change of src/.

import { containerEnv } from "./containers/settings.mjs";
import { startRuntime, startWrangler } from "./service/parts.mjs";
import { serve } from "./service/service.mjs";
import { main, Missing } from "./setup/missing.mjs";

/** Brings the local database up to date; wrangler leaves that to its user. */
async function prepareDatabase() {
  const { part, serve } = startRuntime();
  serve({ vars: {} }).catch(() => {});
  const how = await part.ended;
  if (how !== "ended with exit code 0") throw new Missing(`Preparing the database ${how}; what it said is above.`);
}

await main(() =>
  serve(async ({ port, contained, add, vars }) => {
    const containers = contained ? await containerEnv() : undefined;
    const [found] = await Promise.all([vars(), prepareDatabase()]);
    const part = startWrangler(port, found, containers);
    add(part);
    part.lines.on("line", (line) => process.stdout.write(`${line}\n`));
  }),
);
// A poll or a socket may still be open; nothing is left to do.
process.exit();
