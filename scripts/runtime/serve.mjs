//! The Worker as a process of its own: `node serve.mjs STATE`, with `{ vars, host, port, containers }` as JSON on its
//! standard input, where no other user of the machine sees the secrets.
//!
//! It prints `{"address": "host:port"}`, then what the Worker logs. Without `port` it only prepares the database, and ends.

import { text } from "node:stream/consumers";
import { developmentKey, projectSql } from "../setup/development.mjs";
import { layoutOf } from "../setup/paths.mjs";
import { migrate } from "./database.mjs";
import { readable } from "./log.mjs";
import { startWorker } from "./worker.mjs";

/** How often the process looks whether the runtime still lives, in milliseconds. */
const LOOK_MS = 250;

const [state = ""] = process.argv.slice(2);
const settings = JSON.parse(await text(process.stdin));
/** @type {import("./worker.mjs").Runtime | undefined} */
let runtime;

/** @type {NodeJS.Timeout | undefined} */
let look;

/** Ends the runtime and the process. @param {number} code @returns {Promise<never>} */
async function end(code) {
  clearInterval(look);
  await runtime?.miniflare.dispose().catch(() => {});
  process.exit(code);
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void end(0));

// The first line of the output is the address, so what is logged before goes elsewhere.
let serving = false;
const log = (/** @type {string} */ message) => void (serving ? process.stdout : process.stderr).write(readable(message));
runtime = await startWorker({ ...settings, state: layoutOf(state), log });
const database = /** @type {any} */ (await runtime.miniflare.getD1Database("DB"));
await migrate(database);
for (const statement of projectSql(developmentKey())) await database.prepare(statement).run();
if (settings.port === undefined) await end(0);

process.stdout.write(`${JSON.stringify({ address: new URL(runtime.url).host })}\n`);
serving = true;
// Miniflare would start another runtime in place of one that died; what it held of running programs is gone all the same.
look = setInterval(() => {
  if (runtime?.pids.every(lives)) return;
  process.stderr.write("The Workers runtime ended.\n");
  void end(1);
}, LOOK_MS);

/** @param {number} pid */
function lives(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
