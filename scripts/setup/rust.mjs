//! The Rust side: the compiler with its WebAssembly target, and the tool that makes a Worker of what it compiles.

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { debianToolchain } from "./debian-rust.mjs";
import { Missing } from "./missing.mjs";
import { bindgen, inRoot } from "./paths.mjs";
import { contentHash, step } from "./steps.mjs";

const TARGET = "wasm32-unknown-unknown";

/** Where the compiler's standard library for WebAssembly is, or would be. */
function targetLibrary() {
  try {
    const sysroot = execFileSync("rustc", ["--print", "sysroot"], { cwd: inRoot(), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return join(sysroot.trim(), "lib", "rustlib", TARGET, "lib");
  } catch {
    throw new Missing("Rust is missing: install it from https://rustup.rs, open a new shell and run this again.");
  }
}

/** Makes sure that cargo compiles to WebAssembly; sets RUSTUP_TOOLCHAIN where only another toolchain can. */
export async function prepareRust() {
  if (existsSync(targetLibrary())) return;
  if (await debianToolchain.adopt()) return;
  await step({
    name: "Rust target for WebAssembly",
    stamp: targetLibrary(),
    made: [],
    make: async (run) => {
      try {
        await run("rustup", ["target", "add", TARGET]);
      } catch (error) {
        await debianToolchain.install(run, error);
      }
    },
  });
}

/** Compiles scripts/bindgen into .docle/tools: it joins WebAssembly and JavaScript. */
export async function buildBindgen() {
  const crate = "scripts/bindgen";
  const version = lockedVersion("Cargo.lock", "wasm-bindgen");
  if (lockedVersion(`${crate}/Cargo.lock`, "wasm-bindgen-shared") !== version) {
    throw new Missing(`${crate} must have the version of wasm-bindgen that Cargo.lock has, ${version}: name it in ${crate}/Cargo.toml.`);
  }
  await step({
    name: "wasm-bindgen",
    why: "joins WebAssembly and JavaScript; compiled once",
    stamp: contentHash(crate),
    made: [bindgen],
    make: async (run) => {
      const target = inRoot("target", "tools");
      await run("cargo", ["build", "--locked", "--release", "--manifest-path", inRoot(crate, "Cargo.toml"), "--target-dir", target]);
      mkdirSync(dirname(bindgen), { recursive: true });
      copyFileSync(join(target, "release", basename(bindgen)), bindgen);
    },
  });
}

/** The version of a crate in a lock file. @param {string} file @param {string} crate */
function lockedVersion(file, crate) {
  const found = readFileSync(inRoot(file), "utf8").match(new RegExp(`name = "${crate}"\nversion = "([^"]+)"`));
  if (!found?.[1]) throw new Missing(`${file} has no ${crate}: run \`cargo metadata\` in a clean checkout and start again.`);
  return found[1];
}
