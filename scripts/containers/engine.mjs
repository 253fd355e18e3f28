//! The container engine of this machine: found, or on Debian as root installed and started.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { logs } from "../setup/paths.mjs";
import { step } from "../setup/steps.mjs";

/** How long a daemon may take to answer after its start, in milliseconds. */
const START_MS = 30_000;

/**
 * Where an engine answers, or in one sentence why none does.
 * @typedef {{ docker: string, socket: string, missing?: undefined } | { missing: string }} Engine
 */

/** @param {string} command @param {...string} args */
function says(command, ...args) {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

/** A client that can build with BuildKit: DOCLE_DOCKER names one, Debian's own lies where its plug-ins are. */
function client() {
  const candidates = process.env.DOCLE_DOCKER ? [process.env.DOCLE_DOCKER] : ["docker", "/usr/bin/docker"];
  return candidates.find((command) => says(command, "buildx", "version") !== undefined);
}

/** Where the client finds its engine. @param {string} docker @returns {Engine | undefined} */
function reach(docker) {
  if (says(docker, "version", "--format", "{{.Server.Version}}") === undefined) return undefined;
  const socket = process.env.DOCKER_HOST ?? says(docker, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}");
  return { docker, socket: socket || "unix:///var/run/docker.sock" };
}

/** Finds an engine; on Debian as root it installs and starts one where none is. @returns {Promise<Engine>} */
export async function findEngine() {
  const found = client();
  const reached = found && reach(found);
  if (reached) return reached;
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version") || process.env.DOCKER_HOST) {
    const lacks = found ? "no Docker engine answers" : "there is no Docker client with buildx";
    return { missing: `${lacks}: install Docker and start it, or run this as root on Debian, where it is installed by itself` };
  }
  try {
    if (!client() || !says("dockerd", "--version")) await install();
    const docker = client();
    if (!docker) return { missing: "Debian's Docker was installed, but its client does not build: see .docle/logs" };
    return await startDaemon(docker);
  } catch (error) {
    return { missing: `Docker could not be installed (${error instanceof Error ? error.message : error})` };
  }
}

/** The mirror that apt itself uses; DOCLE_DEBIAN_MIRROR names another one. */
export function debianMirror() {
  const targets = says("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian") ?? "";
  return process.env.DOCLE_DEBIAN_MIRROR ?? targets.split("\n").find((uri) => uri !== "" && !uri.includes("security")) ?? "http://deb.debian.org/debian";
}

async function install() {
  await step({
    name: "Docker",
    why: "from Debian, to test against real containers",
    stamp: `${Date.now()}`,
    made: [],
    make: async (run) => {
      // Debian 12 has no buildx. The packages of 13 need nothing newer than what 12 has.
      if (readFileSync("/etc/debian_version", "utf8").startsWith("12")) {
        writeFileSync("/etc/apt/sources.list.d/docle-docker.list", `deb ${debianMirror()} trixie main\n`);
        const pin = (/** @type {string} */ packages, /** @type {number} */ priority) => `Package: ${packages}\nPin: release n=trixie\nPin-Priority: ${priority}\n`;
        writeFileSync("/etc/apt/preferences.d/docle-docker", `${pin("*", 100)}\n${pin("docker.io docker-cli docker-buildx", 900)}`);
      }
      const env = { DEBIAN_FRONTEND: "noninteractive" };
      await run("apt-get", ["update", "-qq"], { env });
      await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "docker.io", "docker-cli", "docker-buildx", "iptables"], { env });
    },
  });
}

/** Starts the daemon, which then stays, as a service would. @param {string} docker @returns {Promise<Engine>} */
async function startDaemon(docker) {
  mkdirSync(logs, { recursive: true });
  const path = join(logs, "dockerd.log");
  const log = openSync(path, "w");
  // Without an address the bridge has no gateway at the first start of older engines, and workerd then fails to resolve it.
  const child = spawn("dockerd", ["--bip", "172.17.0.1/16"], { detached: true, stdio: ["ignore", log, log] });
  child.unref();
  const ended = new Promise((resolve) => child.once("error", resolve).once("exit", resolve)).then(() => "ended");
  const deadline = Date.now() + START_MS;
  for (;;) {
    const reached = reach(docker);
    if (reached) return reached;
    if (Date.now() > deadline || (await Promise.race([ended, pause(100)])) === "ended") {
      const last = readFileSync(path, "utf8").trim().split("\n").at(-1) ?? "";
      return { missing: `dockerd did not start here (${last.slice(-200)})` };
    }
  }
}
