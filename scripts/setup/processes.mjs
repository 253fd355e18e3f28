//! Long-lived processes that start together and end together, and what the kernel knows of processes.

import { execFileSync, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";
import { Missing } from "./missing.mjs";
import { root } from "./paths.mjs";

/** How long a process may take to stop by itself before it is killed, in milliseconds. */
const STOP_MS = 10_000;

/**
 * A process with a name. `lines` are those of its standard output; `ended` says how it ended; `send` writes all of its
 * standard input, where it has one.
 * @typedef {object} Part
 * @property {string} name
 * @property {number} pid
 * @property {import("node:readline").Interface} lines
 * @property {Promise<string>} ended
 * @property {(text: string) => void} send
 * @property {() => Promise<void>} stop
 */

/** Whether setpriv can tell the kernel to end a child whose parent was killed. */
const setpriv = (() => {
  try {
    execFileSync("setpriv", ["--pdeathsig", "TERM", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/**
 * Starts a process in a group of its own, so that Ctrl-C reaches only this process, which then stops the others.
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, input?: boolean, niceness?: number, endsItsOwn?: boolean }} [options] `env` is added to that of this process; with `input` the process has a standard input; `niceness` is that of nice(1); one that `endsItsOwn` children is asked to stop before they are
 * @returns {Part}
 */
export function startPart(name, command, args, { env, input = false, niceness = 0, endsItsOwn = false } = {}) {
  const [program, argv] = setpriv ? ["setpriv", ["--pdeathsig", "TERM", command, ...args]] : [command, args];
  const child = spawn(program, argv, { cwd: root, env: { ...process.env, ...env }, stdio: [input ? "pipe" : "ignore", "pipe", "inherit"], detached: true });
  if (child.pid !== undefined && niceness > 0) setPriority(child.pid, niceness);
  const { stdin, stdout } = /** @type {{ stdin: import("node:stream").Writable | null, stdout: import("node:stream").Readable }} */ (child);
  // A process that ends before it has read everything says how it ended.
  stdin?.on("error", () => {});
  const ended = new Promise((/** @type {(how: string) => void} */ resolve) => {
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("exit", (code, signal) => resolve(`ended with ${signal ?? `exit code ${code}`}`));
  });
  const pid = child.pid ?? 0;
  const send = (/** @type {number} */ to, /** @type {NodeJS.Signals} */ signal) => {
    try {
      if (pid > 0) process.kill(to, signal);
    } catch {
      // It has ended already.
    }
  };
  const stop = async () => {
    send(endsItsOwn ? pid : -pid, "SIGTERM");
    const patience = setTimeout(send, STOP_MS, -pid, "SIGKILL");
    await ended;
    clearTimeout(patience);
    // Other processes of the group end, too.
    send(-pid, "SIGKILL");
  };
  return { name, pid, lines: createInterface({ input: stdout }), ended, send: (text) => void stdin?.end(text), stop };
}

/** The first line that `part` prints; rejects when it ends without one. @param {Part} part @returns {Promise<string>} */
export async function firstLine(part) {
  const line = new Promise((/** @type {(line: string) => void} */ resolve) => part.lines.once("line", resolve));
  const ended = part.ended.then((how) => {
    throw new Missing(`${part.name} ${how} before it was ready; what it said is above, and \`npm run doctor\` says more.`);
  });
  return Promise.race([line, ended]);
}

/** Processes of the Workers runtime that this process has started, by their ids. @returns {number[]} */
export function runtimes() {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  return ids.filter((pid) => {
    const { name, state, parent } = stat(pid) ?? {};
    return name === "workerd" && parent === process.pid && state !== "Z";
  });
}

/**
 * A process as it was when it was found; `begun` tells it from a later one with the same id.
 * @typedef {{ pid: number, begun: string | undefined, commandLine: string }} Known
 */

/** All processes below one, as they are now. @param {number} ancestor @returns {Known[]} */
export function descendants(ancestor) {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(ids.map((pid) => [pid, stat(pid)?.parent]));
  /** @param {number | undefined} pid @returns {boolean} */
  const isBelow = (pid) => pid !== undefined && pid > 1 && (parents.get(pid) === ancestor || isBelow(parents.get(pid)));
  return ids.filter(isBelow).map((pid) => ({ pid, begun: stat(pid)?.begun, commandLine: commandLine(pid) }));
}

/** Whether a process still lives. @param {Known} known */
export function isAlive({ pid, begun }) {
  const now = stat(pid);
  return now !== undefined && now.state !== "Z" && now.begun === begun;
}

/** @param {number} pid */
function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return ""; // It ended in the meantime.
  }
}

/** Milliseconds of CPU that a process has used, all of its threads; Linux counts in hundredths of a second. @param {number} pid */
export const cpuMs = (pid) => (stat(pid)?.ticks ?? 0) * 10;

/** `/proc/<pid>/stat`, as far as it is of use; nothing where the process has ended. @param {number} pid */
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, parent, ...others] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(others[9]) + Number(others[10]);
    // Fields as proc(5) counts them, less the three that come before these.
    return { name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")), state, parent: Number(parent), ticks, begun: others[17] };
  } catch {
    return undefined; // It ended while we looked.
  }
}
