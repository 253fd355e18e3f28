//! The programs that this repository builds: the two Workers (WebAssembly) and the runner (native).

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bindgen, esbuild, inRoot, isolatesModule, isolatesWasm, node, runner, wasmOpt, workerModule, workerWasm } from "./paths.mjs";
import { embedSources } from "./embed.mjs";
import { entryPoints } from "./entry-points.mjs";
import { contentHash, step } from "./steps.mjs";

const TARGET = "wasm32-unknown-unknown";
const SHARED = ["Cargo.toml", "Cargo.lock", "crates"];
const SCRIPTS = ["scripts/bindgen", "scripts/setup/programs.mjs", "scripts/setup/entry-points.mjs"];

/**
 * A Worker: the crate that it is compiled from, what else that is made of, and the two files that are deployed.
 * @typedef {{ program: string, name: string, crate: string, sources: string[], module: string, wasm: string }} Worker
 */

/** @type {Worker[]} */
const WORKERS = [
  { program: "worker", name: "Worker", crate: "docle", sources: ["build.rs", "docs/errors.md", "src", ...embedSources], module: workerModule, wasm: workerWasm },
  { program: "isolates", name: "Isolate Worker", crate: "docle-isolates", sources: ["isolates/Cargo.toml", "isolates/src"], module: isolatesModule, wasm: isolatesWasm },
];

/** Compiles Workers as they are deployed. @param {string[]} programs those of {@link WORKERS} @param {Promise<unknown>} tools resolves when the tools are there that follow after the compiler */
export async function buildWorkers(programs, tools) {
  /** @type {Promise<unknown> | undefined} */
  let compiled;
  /** Compiles both, whichever is wanted: they share most crates, and with the same features only together. @param {import("./steps.mjs").Run} run */
  const compile = (run) => {
    const crates = WORKERS.flatMap(({ crate }) => ["-p", crate]);
    // The macros of `worker` must call futures through js-sys, which is where its own are.
    const env = { WASM_BINDGEN_USE_JS_SYS: "1" };
    compiled ??= run("cargo", ["build", "--lib", "--release", "--target", TARGET, ...crates], { env });
    return compiled;
  };
  const wanted = WORKERS.filter(({ program }) => programs.includes(program));
  await Promise.all(
    wanted.map((worker) =>
      step({
        name: worker.name,
        why: "Rust to WebAssembly, optimised for size",
        stamp: contentHash(...SHARED, ...worker.sources, ...SCRIPTS),
        made: [worker.module, worker.wasm],
        make: async (run) => {
          await compile(run);
          await tools;
          await pack(worker, run);
        },
      }),
    ),
  );
}

/** Makes the two files of a Worker from what the compiler made of its crate. @param {Worker} worker @param {import("./steps.mjs").Run} run */
async function pack({ crate, module, wasm }, run) {
  const from = inRoot("target", TARGET, "release", `${crate.replaceAll("-", "_")}.wasm`);
  const stage = inRoot("target", "workers", crate);
  const staged = (/** @type {string} */ name) => join(stage, name);
  rmSync(stage, { recursive: true, force: true });
  await run(bindgen, [from, stage]);
  writeFileSync(staged("entry.js"), entryPoints(readFileSync(staged("index.js"), "utf8")));
  const external = ["--external:./index_bg.wasm", "--external:cloudflare:*"];
  await run(esbuild, [staged("entry.js"), "--bundle", "--minify", "--format=esm", ...external, `--outfile=${staged("bundle.js")}`]);
  // The runtime hands out compiled modules as ordinary imports.
  writeFileSync(staged("bundle.js"), readFileSync(staged("bundle.js"), "utf8").replaceAll("import source ", "import "));
  // The features are listed one by one because `--all-features` makes a module that workerd refuses. Without the names
  // of its functions a module is a quarter smaller. -Oz makes it 6 per cent smaller than -O1, but 9 per cent larger when
  // it is compressed, and takes four times as long.
  const features = ["exception-handling", "bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue"];
  const flags = features.map((feature) => `--enable-${feature}`);
  await run(node, [wasmOpt, "-O1", "--strip-debug", ...flags, staged("index_bg.wasm"), "-o", staged("small.wasm")]);
  mkdirSync(dirname(module), { recursive: true });
  // At the end and as a whole, because wrangler watches the two files.
  renameSync(staged("small.wasm"), wasm);
  renameSync(staged("bundle.js"), module);
}

/** Compiles the runner, optimised for speed. */
export async function buildRunner() {
  await step({
    name: "Runner",
    why: "native Rust, optimised for speed",
    stamp: contentHash(...SHARED, "container"),
    made: [runner],
    make: async (run) => {
      // The last part of the Workers' compilation uses one processor, so the Workers go first and this fills the other.
      await run("cargo", ["build", "--profile", "runner", "-p", "docle-runner", "-p", "docle-fork"], { niceness: 10 });
    },
  });
}
