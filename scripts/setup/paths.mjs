//! Where everything that set-up makes or finds lives: all of it below .docle/, build/, target/ and node_modules/.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path inside the repository. @param {...string} parts */
export const inRoot = (...parts) => join(root, ...parts);

/** What a checkout owns but git does not. */
export const own = inRoot(".docle");
export const stamps = join(own, "stamps");
export const logs = join(own, "logs");
/** What scripts/bindgen is compiled to. */
export const bindgen = join(own, "tools", "bin", "docle-bindgen");
export const uv = join(own, "uv", "bin", "uv");
/** What `npm start` keeps between starts: local D1, KV and objects, and the runner's package cache. */
export const state = process.env.DOCLE_STATE ?? join(own, "state");
/** Where wrangler keeps local databases, KV and objects below the directory that it is given. @param {string} directory */
export const layoutOf = (directory) => join(directory, "v3");
export const devKey = join(own, "dev-key");
export const deploymentSecretFile = join(own, "deployment-secret");
export const devVars = join(state, "dev.vars");

export const modules = inRoot("node_modules");
/** The Node that runs wrangler, the tests and the programs of users, so that every machine runs the same one. */
export const node = join(modules, `node-linux-${process.arch}`, "bin", "node");
export const npm = join(modules, "npm", "bin", "npm-cli.js");
export const wrangler = join(modules, "wrangler", "bin", "wrangler.js");
export const tsc = join(modules, "typescript", "bin", "tsc");
export const esbuild = join(modules, "esbuild", "bin", "esbuild");
export const wasmOpt = join(modules, "binaryen", "bin", "wasm-opt");

/** The files of the website, which the Worker serves. */
export const site = inRoot("build", "web");

export const workerEntry = inRoot("worker.mjs");
export const workerModule = inRoot("build", "index.js");
export const workerWasm = inRoot("build", "index_bg.wasm");
export const isolatesEntry = inRoot("isolates", "entry.mjs");
export const isolatesModule = inRoot("isolates", "build", "index.js");
export const isolatesWasm = inRoot("isolates", "build", "index_bg.wasm");
export const runner = inRoot("target", "runner", "docle-runner");
