//! What programs of users run on: the machine's Python, and uv, which installs their Python packages.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { whyNoApt } from "../languages/apt.mjs";
import { place } from "../languages/tree.mjs";
import { Failed, Missing } from "./missing.mjs";
import { node, npm, own, uv } from "./paths.mjs";
import { step } from "./steps.mjs";

const UV = "0.13.8";

/** @type {string | undefined} */
let found;

/**
 * The Python interpreter itself, behind wrappers and virtual environments: the system's own where there is one, because
 * every user can reach it; DOCLE_PYTHON chooses another one.
 */
export function python() {
  if (found) return found;
  const command = process.env.DOCLE_PYTHON ?? (existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3");
  try {
    const program = "import os, sys; print(os.path.realpath(getattr(sys, '_base_executable', None) or sys.executable))";
    found = execFileSync(command, ["-c", program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return found;
  } catch {
    throw new Missing(`${command} is missing, and Python programs need it: install python3 (on Debian: apt-get install python3) or name one in DOCLE_PYTHON.`);
  }
}

/** Puts uv into .docle, from PyPI, without touching the machine's own Python packages. */
export async function installUv() {
  const target = dirname(dirname(uv));
  await step({
    name: `uv ${UV}`,
    why: "installs the Python packages of programs",
    stamp: UV,
    made: [uv],
    make: async (run) => {
      rmSync(target, { recursive: true, force: true });
      try {
        // pip knows this machine's mirrors and proxies, so it goes first. --target leaves everything else alone.
        await run(python(), ["-m", "pip", "install", "--quiet", "--no-deps", "--target", target, `uv==${UV}`]);
      } catch (error) {
        await unpackWheel(run, target).catch((second) => {
          const pip = error instanceof Failed ? (error.output.trim().split("\n").at(-1) ?? "") : String(error);
          throw new Missing(`uv ${UV} could not be fetched, neither by pip (${pip}) nor directly (${second.message}): make PyPI reachable or put uv at ${uv}.`);
        });
      }
      chmodSync(uv, 0o755);
    },
  });
}

/** Fetches uv's wheel where Python has no pip. @param {import("./steps.mjs").Run} run @param {string} target */
async function unpackWheel(run, target) {
  const index = `${(process.env.PIP_INDEX_URL ?? "https://pypi.org/simple").replace(/\/$/, "")}/uv/`;
  // The HTML form of an index (PEP 503), because not every mirror has the JSON one.
  const listed = await fetch(index, { headers: { accept: "text/html" } });
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const link = new RegExp(`href="([^"]*/(uv-${UV}-[^"/]*manylinux[^"/]*${machine}\\.whl))#sha256=([0-9a-f]{64})"`);
  const [, address, name, expected] = (await listed.text()).match(link) ?? [];
  if (!address || !name) throw new Error(`${index} has no wheel for this machine`);
  const bytes = Buffer.from(await (await fetch(new URL(address, listed.url))).arrayBuffer());
  if (createHash("sha256").update(bytes).digest("hex") !== expected) throw new Error("the wheel's checksum is wrong");
  mkdirSync(own, { recursive: true });
  const file = join(own, name);
  writeFileSync(file, bytes);
  await run(python(), ["-m", "zipfile", "-e", file, target]);
  rmSync(file);
  mkdirSync(dirname(uv), { recursive: true });
  copyFileSync(join(target, `uv-${UV}.data`, "scripts", "uv"), uv);
}

/** The runner's command line, without its subcommand, address and state. */
export function interpreterFlags() {
  return ["--interpreter", `python=${python()}`, "--interpreter", `node=${node}`, "--npm", npm, "--uv", uv];
}

/** The flag with which a runner has the further languages; none where this machine cannot have them. */
export function languageFlags() {
  return whyNoApt() === undefined ? ["--languages", place().directory] : [];
}

