//! The way out where rustup cannot download: Debian's own compiler with a standard library built from its own source.

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Missing } from "./missing.mjs";

const TARGET = "wasm32-unknown-unknown";
const TOOLCHAIN = "debian";
const LIBRARY = `/usr/lib/rustlib/${TARGET}/lib`;
// The linker's package must match the compiler's LLVM; rust-lld is a link to lld-22.
const PACKAGES = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

export const debianToolchain = {
  /** Uses the toolchain if an earlier set-up made it. Answers whether it did. */
  async adopt() {
    if (!existsSync(LIBRARY) || !readdirSync(LIBRARY).some((file) => file.startsWith("libstd-"))) return false;
    process.env.RUSTUP_TOOLCHAIN = TOOLCHAIN;
    return true;
  },

  /**
   * Installs the compiler, builds its standard library for WebAssembly once and links it into rustup.
   * @param {import("./steps.mjs").Run} run
   * @param {unknown} reason why rustup could not
   */
  async install(run, reason) {
    if (process.getuid?.() !== 0 || !commandExists("apt-get")) {
      const said = reason instanceof Error ? reason.message : String(reason);
      throw new Missing(`The Rust target ${TARGET} is missing and could not be added (${said}): run \`rustup target add ${TARGET}\` where rustup can download.`);
    }
    await run("apt-get", ["update", "-qq"]);
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...PACKAGES], { env: { DEBIAN_FRONTEND: "noninteractive" } });
    const crate = mkdtempSync(join(tmpdir(), "docle-std-"));
    mkdirSync(join(crate, "src"));
    writeFileSync(join(crate, "Cargo.toml"), '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n');
    writeFileSync(join(crate, "src", "lib.rs"), "#![no_std]\n");
    // Without embedded bitcode `lto = true` fails later with "failed to get bitcode".
    const env = { RUSTC: "/usr/bin/rustc", RUSTC_BOOTSTRAP: "1", RUSTFLAGS: "-Cembed-bitcode=yes", CARGO_TARGET_DIR: join(crate, "target") };
    const std = "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test";
    await run("/usr/bin/cargo", ["build", "--release", "--target", TARGET, std], { cwd: crate, env });
    const built = join(crate, "target", TARGET, "release", "deps");
    mkdirSync(LIBRARY, { recursive: true });
    for (const file of readdirSync(built)) {
      if (file.endsWith(".rlib") && !file.startsWith("libempty-")) copyFileSync(join(built, file), join(LIBRARY, file));
    }
    await run("rustup", ["toolchain", "link", TOOLCHAIN, "/usr"]);
    // Libraries of another compiler version cannot be mixed (E0463, E0514).
    await run("cargo", ["clean"]);
    process.env.RUSTUP_TOOLCHAIN = TOOLCHAIN;
  },
};

/** @param {string} command */
function commandExists(command) {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
