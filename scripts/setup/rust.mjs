//! The Rust side: the compiler with its WebAssembly target, and the two cargo tools that turn it into a Worker.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { debianToolchain } from "./debian-rust.mjs";
import { Missing } from "./missing.mjs";
import { inRoot, tools } from "./paths.mjs";
import { step } from "./steps.mjs";

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

/** Builds worker-build and wasm-bindgen in the versions that Cargo.lock asks for, into .docle/tools. */
export async function installCargoTools() {
  for (const { crate, version, why } of [
    { crate: "worker-build", version: lockedVersion("worker"), why: "turns the crate into a Worker; compiled once, takes minutes" },
    { crate: "wasm-bindgen-cli", version: lockedVersion("wasm-bindgen"), why: "joins WebAssembly and JavaScript; compiled once, takes minutes" },
  ]) {
    if (installed(crate, version)) continue;
    await step({
      name: `${crate} ${version}`,
      why,
      stamp: version,
      made: [join(tools, "bin", crate.replace(/-cli$/, ""))],
      make: async (run) => {
        const args = ["install", crate, "--version", version, "--root", tools, "--target-dir", inRoot("target", "tools")];
        // The crate's own lock file can name a release that was yanked, or that a mirror does not have yet.
        await run("cargo", [...args, "--locked"]).catch(() => run("cargo", args));
      },
    });
  }
}

/** Whether cargo's own list of the install root has this version. @param {string} crate @param {string} version */
function installed(crate, version) {
  const list = join(tools, ".crates.toml");
  return existsSync(list) && readFileSync(list, "utf8").includes(`"${crate} ${version} (`);
}

/** @param {string} crate */
function lockedVersion(crate) {
  const found = readFileSync(inRoot("Cargo.lock"), "utf8").match(new RegExp(`name = "${crate}"\nversion = "([^"]+)"`));
  if (!found?.[1]) throw new Missing(`Cargo.lock has no ${crate}: run \`cargo metadata\` in a clean checkout and start again.`);
  return found[1];
}
