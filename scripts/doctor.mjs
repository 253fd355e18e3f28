//! `npm run doctor`: what this machine offers, and what it lacks with the way out.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { interpreterFlags, languageFlags, python } from "./setup/interpreters.mjs";
import { main } from "./setup/missing.mjs";
import { bindgen, inRoot, isolatesModule, node, npm, runner, state, uv, workerModule, wrangler } from "./setup/paths.mjs";

/** What a command prints first, or undefined where it cannot run. @param {string} command @param {...string} args */
function says(command, ...args) {
  try {
    return execFileSync(command, args, { cwd: inRoot(), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0];
  } catch {
    return undefined;
  }
}

/** @param {string} name @param {string | undefined} value @param {string} wayOut */
function line(name, value, wayOut) {
  process.stdout.write(`${name.padEnd(16)} ${value ?? `missing: ${wayOut}`}\n`);
  return value !== undefined;
}

const built = (/** @type {string} */ path) => (existsSync(path) ? path.replace(`${inRoot()}/`, "") : undefined);
const byStart = "npm start installs it";

await main(async () => {
  const sysroot = says("rustc", "--print", "sysroot");
  const target = sysroot && join(sysroot, "lib", "rustlib", "wasm32-unknown-unknown");
  const required = [
    line("docle", JSON.parse(readFileSync(inRoot("package.json"), "utf8")).version, ""),
    line("machine", `${process.platform} ${release()} ${process.arch}, user ${process.getuid?.()}`, ""),
    line("rust", says("rustc", "--version"), "install it from https://rustup.rs"),
    line("python", says("python3", "--version") && `${says(python(), "--version")} at ${python()}`, "install python3"),
  ];
  line("wasm target", target && existsSync(target) ? target : undefined, byStart);
  line("wasm-bindgen", built(bindgen), byStart);
  line("node here", process.version, "");
  line("node of programs", says(node, "--version"), byStart);
  line("npm of programs", says(node, npm, "--version"), byStart);
  line("wrangler", existsSync(wrangler) ? says(node, wrangler, "--version") : undefined, byStart);
  line("uv", says(uv, "--version"), byStart);
  line("worker", built(workerModule), "npm run build makes it");
  line("isolates", built(isolatesModule), "npm run build makes it");
  line("docker", says("docker", "version", "--format", "{{.Server.Version}}"), "not needed; programs run in the native runner");
  const runs = line("runner", built(runner), "npm run build makes it");
  if (required.includes(false) || !runs) return 1;

  process.stdout.write("\nWhat the runner finds here:\n");
  try {
    execFileSync(runner, ["doctor", "--state", join(state, "runner"), ...interpreterFlags(), ...languageFlags()], { stdio: "inherit" });
    return 0;
  } catch {
    return 1;
  }
});
