//! The isolate tier as a process of its own: prints `{"address": "host:port"}`, and serves until it is stopped.
//! ISOLATES_SECRET is what callers must know.

import { layoutOf, state } from "../setup/paths.mjs";
import { passOn } from "./egress.mjs";
import { startIsolates } from "./supervisor.mjs";

const isolates = await startIsolates({ secret: process.env.ISOLATES_SECRET ?? "", outbound: passOn, state: layoutOf(state) });
process.stdout.write(`${JSON.stringify({ address: isolates.url.replace("http://", "") })}\n`);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => void isolates.stop().finally(() => process.exit(0)));
}
