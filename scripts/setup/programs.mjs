//! The programs that this repository builds: the two Workers (WebAssembly) and the runner (native).

import { delimiter, dirname, join } from "node:path";
import { esbuild, inRoot, isolatesModule, isolatesWasm, node, root, runner, tools, wasmOpt, workerModule, workerWasm } from "./paths.mjs";
import { contentHash, step } from "./steps.mjs";

const SHARED = ["Cargo.toml", "Cargo.lock", "crates"];

/** Compiles the Worker to build/, as it is deployed. */
export async function buildWorker() {
  await buildWasm("Worker", root, [...SHARED, "build.rs", "docs/errors.md", "src"], [workerModule, workerWasm]);
}

/** Compiles the isolate Worker to isolates/build/, as it is deployed. */
export async function buildIsolates() {
  await buildWasm("Isolate Worker", inRoot("isolates"), [...SHARED, "isolates/Cargo.toml", "isolates/src"], [isolatesModule, isolatesWasm]);
}

/** Compiles the crate in a directory to a Worker in build/ beside it. @param {string} name @param {string} crate @param {string[]} sources @param {[string, string]} made */
async function buildWasm(name, crate, sources, [module, wasm]) {
  const bin = (/** @type {string} */ program) => join(tools, "bin", program);
  await step({
    name,
    why: "Rust to WebAssembly, optimised for size",
    stamp: contentHash(...sources, "scripts/setup/programs.mjs"),
    made: [module, wasm],
    make: async (run) => {
      const env = {
        PATH: [dirname(node), bin(""), process.env.PATH].join(delimiter),
        WASM_BINDGEN_BIN: bin("wasm-bindgen"),
        ESBUILD_BIN: esbuild,
        WASM_OPT_BIN: wasmOpt,
      };
      await run(bin("worker-build"), ["--release"], { cwd: crate, env });
      // worker-build keeps the name section, a quarter of the file that nobody reads. The features are listed one by
      // one because `--all-features` makes a module that workerd refuses.
      const features = ["bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue"];
      const flags = features.map((feature) => `--enable-${feature}`);
      await run(node, [wasmOpt, "-Oz", "--strip-debug", ...flags, wasm, "-o", wasm], { env });
    },
  });
}

/** Compiles the runner, optimised for speed. */
export async function buildRunner() {
  await step({
    name: "Runner",
    why: "native Rust, optimised for speed",
    stamp: contentHash(...SHARED, "container"),
    made: [runner],
    make: async (run) => {
      await run("cargo", ["build", "--profile", "runner", "-p", "docle-runner", "-p", "docle-fork"], { cwd: inRoot() });
    },
  });
}
