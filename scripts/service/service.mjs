//! Docle on this machine, from set-up to the end: what `npm start` and `npm run dev` have in common.

import { randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { whyNoApt } from "../languages/apt.mjs";
import { developmentEmail, developmentKey } from "../setup/development.mjs";
import { Missing } from "../setup/missing.mjs";
import { prepare } from "../setup/prepare.mjs";
import { startIsolates, startLanguages, startRunner } from "./parts.mjs";

/**
 * @typedef {import("../setup/processes.mjs").Part} Part
 *
 * What a Worker is started with.
 * @typedef {object} Start
 * @property {string} host
 * @property {number} port
 * @property {boolean} contained whether programs run in containers
 * @property {(part: Part) => void} add takes each process as it is started
 * @property {() => Promise<Record<string, string>>} vars resolves when the other parts listen
 */

/** How often the service is asked whether it is well, in milliseconds. */
const ASK_MS = 50;

/** Serves until a signal, or until a part dies. @param {(start: Start) => Promise<Part | void>} startWorker answers with the part whose lines are shown from the welcome on */
export async function serve(startWorker) {
  const port = Number(process.env.PORT ?? 8787);
  if (!(port > 0 && port < 65_536)) throw new Missing(`PORT must be a number from 1 to 65535, and is "${process.env.PORT}".`);
  const contained = process.argv.includes("--containers");
  const interrupted = new Promise((/** @type {(signal: "stopped") => void} */ resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve("stopped"));
  });
  const host = await requireFreePort(port);
  if ((await Promise.race([prepare(), interrupted])) === "stopped") return 130;

  /** @type {Part[]} */
  const parts = [];
  /** @type {(how: string) => void} */
  let died = () => {};
  const death = new Promise((/** @type {(how: string) => void} */ resolve) => (died = resolve));
  /** @type {Part | undefined} */
  let installing;
  const add = (/** @type {Part} */ part) => {
    parts.push(part);
    void part.ended.then((how) => died(`${part.name} ${how}`));
  };
  try {
    const others = startOthers(contained, add);
    // Awaited by the Worker; where that fails first, this failure says nothing new.
    others.catch(() => {});
    const started = startWorker({ host, port, contained, add, vars: () => others }).then(async (shown) => (await healthy(port), { shown }));
    started.catch(() => {});
    // A part that dies before it is ready fails the start itself, with a better sentence; so that comes first.
    const first = await Promise.race([started, interrupted, death.then((how) => pause(0, how))]);
    if (typeof first === "object") {
      process.stdout.write(welcome(port));
      first.shown?.lines.on("line", (line) => process.stdout.write(`${line}\n`));
      if (!contained) installing = installLanguages();
    }
    const end = typeof first === "string" ? first : await Promise.race([death, interrupted]);
    if (end !== "stopped") throw new Missing(`${end}; everything else was stopped too. Start again with \`npm start\`; \`npm run doctor\` says what this machine offers.`);
    return 0;
  } finally {
    await Promise.all([...parts, installing].map((part) => part?.stop()));
  }
}

/** Starts what the Worker calls. Answers with the variables that say where it is. @param {boolean} contained @param {(part: Part) => void} add @returns {Promise<Record<string, string>>} */
async function startOthers(contained, add) {
  const secret = randomBytes(32).toString("hex");
  const isolates = startIsolates(secret);
  add(isolates.part);
  const runner = contained ? undefined : startRunner(secret);
  if (runner !== undefined) add(runner.part);
  const [scripts, programs] = await Promise.all([isolates.listening, runner?.listening]);
  return {
    ...{ ISOLATES_URL: `http://${scripts}`, ISOLATES_SECRET: secret },
    ...(programs === undefined ? {} : { SANDBOX_URL: `http://${programs}`, SANDBOX_SECRET: secret }),
  };
}

/** Installs the languages that are not there yet, while the service runs. Its end, good or bad, is not the service's. @returns {Part | undefined} */
function installLanguages() {
  const missing = whyNoApt();
  if (missing !== undefined) {
    process.stdout.write(`${missing}\n`);
    return undefined;
  }
  const part = startLanguages();
  part.lines.on("line", (line) => process.stdout.write(`${line}\n`));
  return part;
}

/** Refuses to start over the port of another program. Answers with the host to listen on: 127.0.0.1, and ::1 where `localhost` is that, too. @param {number} port @returns {Promise<string>} */
async function requireFreePort(port) {
  const local = await lookup("localhost", { all: true }).catch(() => []);
  const found = new Set(["127.0.0.1", ...local.map(({ address }) => address)]);
  const usable = [];
  for (const address of found) if (await canListen(address, port)) usable.push(address);
  return usable.includes("::1") ? "localhost" : "127.0.0.1";
}

/** Whether the machine has an address to listen on; a port in use is a sentence. @param {string} address @param {number} port @returns {Promise<boolean>} */
function canListen(address, port) {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === "EADDRINUSE") reject(new Missing(`Port ${port} is in use: stop what listens there, or choose another one with PORT=8788 npm start.`));
      else if (error.code === "EACCES") reject(new Missing(`Port ${port} is for root only: choose another one with PORT=8788 npm start.`));
      else resolve(false);
    });
    probe.listen(port, address, () => probe.close(() => resolve(true)));
  });
}

/** Resolves when the Worker answers that it and its runner live. @param {number} port */
async function healthy(port) {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    const health = /** @type {{ status: string } | undefined} */ (response?.ok ? await response.json() : undefined);
    if (health?.status === "ok") return;
    await pause(ASK_MS);
  }
}

/** @param {number} port */
function welcome(port) {
  const address = `http://localhost:${port}`;
  const key = developmentKey();
  return `
Docle runs at ${address}
Open it in a browser to sign in, to make a key, and to run programs.

Development key: ${key}

  curl ${address}/api/run \\
    -H "Authorization: Bearer ${key}" \\
    -H "Content-Type: application/json" \\
    -d '{"lang": "python", "code": "print(40 + 2)"}'

The key's project belongs to the account ${developmentEmail}. This prints a link that signs in to it:

  curl ${address}/auth/request -H "Content-Type: application/json" -d '{"email": "${developmentEmail}"}'

Ctrl-C stops it. docs/api.md has every request; docs/running-locally.md says what runs here.
`;
}
