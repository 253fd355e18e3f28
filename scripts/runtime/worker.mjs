//! The Worker in the local Workers runtime, with the bindings of wrangler.toml: for `npm start`, tests and the benchmark.

import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { serveSite } from "./site.mjs";
import { developmentVars } from "../setup/development.mjs";
import { root, workerEntry, workerModule, workerWasm } from "../setup/paths.mjs";
import { runtimes } from "../setup/processes.mjs";
import { databaseId, readConfig } from "./config.mjs";

/**
 * @typedef {import("./config.mjs").Config} Config
 * @typedef {{ socket: string, image: string, sidecar: string }} ContainerSettings the engine's socket and the two images
 *
 * How the Worker is started. `vars` are added to those of wrangler.toml. What the Worker stores is below `state`; without
 * it, in memory. With `containers` its objects start real ones. `beside` are further Workers in the same runtime. `entry`
 * is a module around worker.mjs, in its place.
 * @typedef {object} Settings
 * @property {Record<string, string>} vars
 * @property {string} [state]
 * @property {string} [host]
 * @property {number} [port]
 * @property {ContainerSettings} [containers]
 * @property {(message: string) => void} [log] takes each message of the console
 * @property {any[]} [beside]
 * @property {string} [entry]
 *
 * @typedef {{ url: string, miniflare: Miniflare, pids: number[] }} Runtime `pids` are the processes of the runtime
 */

/** Starts the Worker. @param {Settings} settings @returns {Promise<Runtime>} */
export async function startWorker({ vars, state, host = "127.0.0.1", port = 0, containers, log = () => {}, beside = [], entry = workerEntry }) {
  const config = await readConfig("wrangler.toml");
  const before = runtimes();
  const miniflare = new Miniflare(
    /** @type {any} */ ({
      host,
      port,
      cf: false,
      log: new Log(LogLevel.ERROR),
      logRequests: false,
      handleStructuredLogs: (/** @type {{ message: string }} */ { message }) => log(message),
      ...(state === undefined ? {} : { resourcePersistencePath: state }),
      ...(containers && { containerEngine: { localDocker: { socketPath: containers.socket, containerEgressInterceptorImage: containers.sidecar } } }),
      workers: [{ config: workerOptions(config, vars, containers, entry) }, ...beside],
    }),
  );
  const url = (await miniflare.ready).origin;
  return { url, miniflare, pids: runtimes().filter((pid) => !before.includes(pid)) };
}

/** The Worker as Miniflare takes it. @param {Config} config @param {Record<string, string>} vars @param {ContainerSettings | undefined} containers @param {string} entry */
function workerOptions(config, vars, containers, entry) {
  const { name, durable_objects, kv_namespaces, d1_databases, r2_buckets, ratelimits } = config;
  const exported = durable_objects.bindings.map(({ class_name }) => {
    const contained = (config.containers ?? []).find((container) => container.class_name === class_name);
    // Objects that choose an image have it by its name.
    const images = contained?.images && Object.keys(contained.images).map((image) => ({ name: image, image: containers?.image }));
    const container = containers && contained ? { container: images ? { images } : { imageName: containers.image } } : {};
    return [class_name, { type: "durable-object", storage: "sqlite", ...container }];
  });
  // Ids are those of wrangler, so that each finds what the other has stored.
  const env = [
    ...durable_objects.bindings.map(({ name: binding, class_name }) => [binding, { type: "durable-object", worker: name, exportName: class_name }]),
    ...kv_namespaces.map(({ binding, id, preview_id }) => [binding, { type: "kv", id: preview_id ?? id ?? binding }]),
    ...d1_databases.map((database) => [database.binding, { type: "d1", id: databaseId(database) }]),
    ...r2_buckets.map(({ binding, bucket_name }) => [binding, { type: "r2", name: bucket_name ?? binding }]),
    ...ratelimits.map(({ name: binding, namespace_id, simple }) => [binding, { type: "rate-limit", namespace: namespace_id, simple }]),
    // Without the platform's router before the Worker: through it, a client that leaves is noticed late.
    [config.assets.binding, { type: "fetcher", handler: serveSite }],
    ...Object.entries({ ...config.vars, ...developmentVars, ...vars }).map(([variable, value]) => [variable, { type: "text", value }]),
  ];
  const module = (/** @type {string} */ path, /** @type {string} */ type) => [relative(root, path), { type, contents: readFileSync(path) }];
  return {
    name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    manifest: {
      mainModule: relative(root, entry),
      modulesRoot: root,
      modules: Object.fromEntries([...new Set([entry, workerEntry, workerModule])].map((path) => module(path, "esm")).concat([module(workerWasm, "wasm")])),
    },
    exports: Object.fromEntries(exported),
    env: Object.fromEntries(env),
  };
}
