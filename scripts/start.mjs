//! `npm start [-- --containers]`: sets up what is missing, then runs Docle on this machine until Ctrl-C.

import { containerSettings } from "./containers/settings.mjs";
import { startRuntime } from "./service/parts.mjs";
import { serve } from "./service/service.mjs";
import { main } from "./setup/missing.mjs";

await main(() =>
  serve(async ({ host, port, contained, add, vars }) => {
    const { part, serve } = startRuntime();
    add(part);
    await serve({ vars: await vars(), host, port, ...(contained ? { containers: await containerSettings() } : {}) });
    return part;
  }),
);
// A poll or a socket may still be open; nothing is left to do.
process.exit();
