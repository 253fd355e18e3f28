//! `npm start`: sets up what is missing, then runs Docle on this machine until Ctrl-C.

import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { containerEnv } from "./containers/wrangler.mjs";
import { developmentKey, prepareDatabase, roomTokenKey, wranglerEnv } from "./setup/development.mjs";
import { interpreterFlags } from "./setup/interpreters.mjs";
import { main, Missing } from "./setup/missing.mjs";
import { devVars, inRoot, node, runner, state, wrangler } from "./setup/paths.mjs";
import { prepare } from "./setup/prepare.mjs";
import { firstLine, startPart } from "./setup/processes.mjs";

const port = Number(process.env.PORT ?? 8787);
const address = `http://localhost:${port}`;

/** Starts the runner. Answers with the process and the address on which it listens. @param {string} secret */
async function startRunner(secret) {
  const cache = join(state, "runner");
  mkdirSync(cache, { recursive: true });
  const args = ["serve", "--die-with-parent", "--listen", "127.0.0.1:0", "--state", cache, ...interpreterFlags()];
  const part = startPart("The runner", runner, args, { DOCLE_RUNNER_SECRET: secret });
  return { part, listening: JSON.parse(await firstLine(part)).address };
}

/** Starts what runs scripts. Answers with the process and the address on which it listens. @param {string} secret */
async function startIsolates(secret) {
  const part = startPart("The isolate tier", node, [inRoot("scripts", "isolates", "serve.mjs")], { ...wranglerEnv, ISOLATES_SECRET: secret });
  return { part, listening: JSON.parse(await firstLine(part)).address };
}

/** Starts the Worker in the local Workers runtime. @param {Record<string, string>} vars @param {NodeJS.ProcessEnv | undefined} containers what wrangler needs to start them, where it is to */
function startWorker(vars, containers) {
  // In a file, because arguments are visible to every user of the machine.
  const all = { ...vars, ROOM_TOKEN_KEY: roomTokenKey() };
  writeFileSync(devVars, Object.entries(all).map(([name, value]) => `${name}="${value}"\n`).join(""), { mode: 0o600 });
  const args = ["dev", "--ip", "127.0.0.1", "--port", `${port}`, "--persist-to", state, "--env-file", devVars];
  args.push(`--enable-containers=${containers !== undefined}`, "--log-level", "warn", "--show-interactive-dev-session=false");
  const part = startPart("The Worker", node, [wrangler, ...args], { ...wranglerEnv, ...containers });
  part.lines.on("line", (line) => process.stdout.write(`${line}\n`));
  return part;
}

/** Refuses to start over something else's port. */
async function requireFreePort() {
  await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", () => reject(new Missing(`Port ${port} is in use: stop what listens there, or choose another one with PORT=8788 npm start.`)));
    probe.listen(port, "127.0.0.1", () => probe.close(resolve));
  });
}

/** Resolves when the Worker answers that it and its runner live. */
async function healthy() {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    const health = /** @type {{ status: string } | undefined} */ (response?.ok ? await response.json() : undefined);
    if (health?.status === "ok") return;
    await pause(100);
  }
}

/** @param {string} key */
const welcome = (key) => `
Docle runs at ${address}
Development key: ${key}

  curl ${address}/api/run \\
    -H "Authorization: Bearer ${key}" \\
    -H "Content-Type: application/json" \\
    -d '{"lang": "python", "code": "print(40 + 2)"}'

Ctrl-C stops it. docs/api.md has every request; docs/running-locally.md says what runs here.
`;

await main(async () => {
  const interrupted = new Promise((/** @type {(signal: "stopped") => void} */ resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve("stopped"));
  });
  await requireFreePort();
  const ready = prepare().then(prepareDatabase);
  const contained = process.argv.includes("--containers");
  if ((await Promise.race([ready, interrupted])) === "stopped") return process.exit(130);

  /** @type {import("./setup/processes.mjs").Part[]} */
  const parts = [];
  try {
    const secret = randomBytes(32).toString("hex");
    const isolates = await startIsolates(secret);
    parts.push(isolates.part);
    const vars = { ISOLATES_URL: `http://${isolates.listening}`, ISOLATES_SECRET: secret };
    if (contained) {
      parts.push(startWorker(vars, await containerEnv()));
    } else {
      const { part, listening } = await startRunner(secret);
      parts.push(part, startWorker({ ...vars, SANDBOX_URL: `http://${listening}`, SANDBOX_SECRET: secret }, undefined));
    }
    const died = Promise.race(parts.map(({ name, ended }) => ended.then((how) => `${name} ${how}`)));
    const first = await Promise.race([healthy(), died, interrupted]);
    if (first === undefined) process.stdout.write(welcome(developmentKey()));
    const end = first ?? (await Promise.race([died, interrupted]));
    if (end !== "stopped") throw new Missing(`${end}; everything else was stopped too. Start again with \`npm start\`; \`npm run doctor\` says what this machine offers.`);
  } finally {
    await Promise.all(parts.map((part) => part.stop()));
  }
});
// A poll or a socket may still be open; nothing is left to do.
process.exit();
