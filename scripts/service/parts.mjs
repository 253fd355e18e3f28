//! The processes that a local service consists of: the runner, the isolate tier, and the Worker in one of two ways.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deploymentSecret, developmentVars, wranglerEnv } from "../setup/development.mjs";
import { interpreterFlags, languageFlags } from "../setup/interpreters.mjs";
import { devVars, inRoot, node, runner, state, wrangler } from "../setup/paths.mjs";
import { firstLine, startPart } from "../setup/processes.mjs";

/**
 * @typedef {import("../setup/processes.mjs").Part} Part
 * @typedef {import("../runtime/worker.mjs").ContainerSettings} ContainerSettings
 */

/** Where a part listens, as its first line says. @param {Part} part @returns {Promise<string>} */
const address = async (part) => JSON.parse(await firstLine(part)).address;

/** Starts the runner. @param {string} secret */
export function startRunner(secret) {
  const cache = join(state, "runner");
  mkdirSync(cache, { recursive: true });
  const args = ["serve", "--die-with-parent", "--listen", "127.0.0.1:0", "--state", cache, ...interpreterFlags(), ...languageFlags()];
  const part = startPart("The runner", runner, args, { env: { DOCLE_RUNNER_SECRET: secret } });
  return { part, listening: address(part) };
}

/** Starts the installation of the further languages, which goes on in the background. `lines` are what it says. */
export function startLanguages() {
  return startPart("The installation of the languages", process.execPath, [inRoot("scripts", "languages.mjs")], { niceness: 10 });
}

/** Starts what runs scripts. @param {string} secret */
export function startIsolates(secret) {
  const part = startPart("The isolate tier", node, [inRoot("scripts", "isolates", "serve.mjs")], { env: { ...wranglerEnv, ISOLATES_SECRET: secret } });
  return { part, listening: address(part) };
}

/**
 * Starts the process that holds the Worker; it loads while other parts start, and serves once it has its settings.
 * `listening` resolves after that, and `part` goes on with the lines that the Worker logs.
 */
export function startRuntime() {
  // The runtime that it started must not end first: Miniflare would take that for a crash and start another one.
  const part = startPart("The Worker", node, [inRoot("scripts", "runtime", "serve.mjs"), state], { env: wranglerEnv, input: true, endsItsOwn: true });
  const listening = address(part);
  // A start that fails earlier does not await the address.
  listening.catch(() => {});
  /** @param {{ vars: Record<string, string>, host?: string, port?: number, containers?: ContainerSettings | undefined }} settings */
  const serve = ({ vars, ...settings }) => {
    part.send(JSON.stringify({ vars: { ...vars, DEPLOYMENT_SECRET: deploymentSecret() }, ...settings }));
    return listening;
  };
  return { part, serve };
}

/** Starts the Worker under `wrangler dev`. @param {number} port @param {Record<string, string>} vars @param {NodeJS.ProcessEnv | undefined} containers what wrangler needs to start containers, if it is to */
export function startWrangler(port, vars, containers) {
  // In a file, because every user of the machine can read arguments.
  const all = { ...developmentVars, ...vars, DEPLOYMENT_SECRET: deploymentSecret() };
  mkdirSync(state, { recursive: true });
  writeFileSync(devVars, Object.entries(all).map(([name, value]) => `${name}="${value}"\n`).join(""), { mode: 0o600 });
  const args = ["dev", "--ip", "127.0.0.1", "--port", `${port}`, "--persist-to", state, "--env-file", devVars];
  args.push(`--enable-containers=${containers !== undefined}`, "--show-interactive-dev-session=false");
  return startPart("The Worker", node, [wrangler, ...args], { env: { ...wranglerEnv, ...containers } });
}
