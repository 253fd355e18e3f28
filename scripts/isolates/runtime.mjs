//! The isolate Worker in one process of the local Workers runtime.

import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { databaseId, readConfig } from "../runtime/config.mjs";
import { isolatesEntry, isolatesModule, isolatesWasm } from "../setup/paths.mjs";
import { runtimes } from "../setup/processes.mjs";

/**
 * What the deployment adds to the Worker. `outbound` answers requests of scripts to the network; `ai` is the source of a
 * Worker whose entry point `Models` stands in for the platform's AI binding.
 * @typedef {object} Surroundings
 * @property {string} secret
 * @property {(request: import("miniflare").Request) => Promise<import("miniflare").Response>} outbound
 * @property {string} [state] where databases are kept
 * @property {Record<string, string>} [databases] binding → name, in place of those of wrangler.toml
 * @property {Record<string, string>} [vars]
 * @property {string} [ai]
 *
 * @typedef {{ prepare: (sql: string) => { run: () => Promise<unknown> } }} Database what is used of one
 * @typedef {{ url: string, pid: number, database: (binding: string) => Promise<Database>, stop: () => Promise<void> }} Runtime
 */

// After every isolate that ends, V8 would throw away what it has compiled of WebAssembly, and compile it again for the
// next: more than half of the time of an execution.
process.env.MINIFLARE_WORKERD_V8_FLAGS = "--no-flush-liftoff-code";

/** Starts a process. @param {Surroundings} surroundings @returns {Promise<Runtime>} */
export async function startRuntime({ secret, outbound, state, databases, vars = {}, ai }) {
  const config = await readConfig("isolates", "wrangler.toml");
  const configured = config.d1_databases.map((one) => [one.binding, databaseId(one)]);
  const d1 = databases === undefined ? configured : Object.entries(databases);
  const before = runtimes();
  const module = (/** @type {string} */ path, /** @type {string} */ type) => [path.slice(dirname(isolatesEntry).length + 1), { type, contents: readFileSync(path) }];
  const text = Object.entries({ ...config.vars, METERED: "1", ISOLATES_SECRET: secret, ...vars });
  const models = { name: "models", compatibilityDate: config.compatibility_date, manifest: { mainModule: "models.js", modules: { "models.js": { type: "esm", contents: ai } } } };
  const miniflare = new Miniflare(/** @type {any} */ ({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new Log(LogLevel.NONE),
    logRequests: false,
    // Logs of the runtime are of no use here: scripts have a console of their own.
    handleStructuredLogs: () => {},
    // Nothing else is kept, so that without databases no file is shared with the Worker's own process.
    ...(state === undefined || d1.length === 0 ? {} : { resourcePersistencePath: state }),
    workers: [
      {
        config: {
          name: config.name,
          compatibilityDate: config.compatibility_date,
          compatibilityFlags: config.compatibility_flags,
          manifest: {
            mainModule: "entry.mjs",
            modulesRoot: dirname(isolatesEntry),
            modules: Object.fromEntries([module(isolatesEntry, "esm"), module(isolatesModule, "esm"), module(isolatesWasm, "wasm")]),
          },
          env: Object.fromEntries([
            ["LOADER", { type: "worker-loader" }],
            ...d1.map(([binding, id]) => [binding, { type: "d1", id }]),
            ...text.map(([name, value]) => [name, { type: "text", value }]),
            ...(ai === undefined ? [] : [["AI", { type: "worker", worker: "models", exportName: "Models" }]]),
          ]),
        },
        // A socket of its own spares each call the way through Miniflare's own Worker.
        dev: { outboundService: { type: "fetcher", handler: outbound }, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
      },
      ...(ai === undefined ? [] : [{ config: models }]),
    ],
  }));
  await miniflare.ready;
  const url = (await miniflare.unsafeGetDirectURL(config.name)).origin;
  const pid = runtimes().find((candidate) => !before.includes(candidate)) ?? 0;
  return { url, pid, database: async (binding) => /** @type {Database} */ (await miniflare.getD1Database(binding)), stop: () => miniflare.dispose() };
}
