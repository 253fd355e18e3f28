//! The two programs that this repository builds: the Worker (WebAssembly) and the runner (native).

import { delimiter, dirname, join } from "node:path";
import { esbuild, inRoot, node, runner, tools, wasmOpt, workerModule, workerWasm } from "./paths.mjs";
import { contentHash, step } from "./steps.mjs";

const SHARED = ["Cargo.toml", "Cargo.lock", "crates"];

/** Compiles the Worker to build/, as it is deployed. */
export async function buildWorker() {
  const bin = (/** @type {string} */ name) => join(tools, "bin", name);
  await step({
    name: "Worker",
    why: "Rust to WebAssembly, optimised for size",
    stamp: contentHash(...SHARED, "src", "scripts/setup/programs.mjs"),
    made: [workerModule, workerWasm],
    make: async (run) => {
      const env = {
        PATH: [dirname(node), bin(""), process.env.PATH].join(delimiter),
        WASM_BINDGEN_BIN: bin("wasm-bindgen"),
        ESBUILD_BIN: esbuild,
        WASM_OPT_BIN: wasmOpt,
      };
      await run(bin("worker-build"), ["--release"], { env });
      // worker-build keeps the name section, a quarter of the file that nobody reads. The features are listed one by
      // one because `--all-features` makes a module that workerd refuses.
      const features = ["bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue"];
      const flags = features.map((feature) => `--enable-${feature}`);
      await run(node, [wasmOpt, "-Oz", "--strip-debug", ...flags, workerWasm, "-o", workerWasm], { env });
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
