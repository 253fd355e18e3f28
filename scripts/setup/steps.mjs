//! Named steps of set-up: shown while they work, skipped when what they are made from has not changed.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join, relative } from "node:path";
import { Failed } from "./missing.mjs";
import { inRoot, logs, root, stamps } from "./paths.mjs";
import { startProgress } from "./progress.mjs";

/**
 * One piece of set-up.
 * @typedef {object} Step
 * @property {string} name what it makes, as a person reads it
 * @property {string} [why] said at the start of a step that takes long
 * @property {string} stamp changes whenever the result would: a content hash or a version
 * @property {string[]} made paths that exist once it is done
 * @property {(run: Run) => Promise<void>} make
 *
 * @typedef {(command: string, args: string[], options?: { env?: NodeJS.ProcessEnv, cwd?: string, niceness?: number }) => Promise<string>} Run
 * runs a command, keeps its output in a log, shows its last line on a terminal, answers with its stdout; `niceness` is that
 * of nice(1), for the command and its children
 */

/** Does a step unless it is done. @param {Step} step */
export async function step({ name, why, stamp, made, make }) {
  const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const stampFile = join(stamps, slug);
  if (made.every(existsSync) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;
  mkdirSync(stamps, { recursive: true });
  mkdirSync(logs, { recursive: true });
  const progress = startProgress(name, why);
  const log = createWriteStream(join(logs, `${slug}.log`));
  try {
    await make((command, args, options) => run(command, args, { ...options, log, line: progress.line }));
    const absent = made.filter((path) => !existsSync(path));
    if (absent.length > 0) throw new Failed(`${name}: ${absent.map((path) => relative(root, path)).join(", ")} was not made.`, "");
  } catch (error) {
    progress.end("failed");
    throw error;
  } finally {
    log.end();
  }
  writeFileSync(stampFile, stamp);
  progress.end("done");
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, niceness?: number, log?: NodeJS.WritableStream, line?: (text: string) => void }} options
 * @returns {Promise<string>}
 */
export function run(command, args, { env, cwd = root, niceness = 0, log, line } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    if (child.pid !== undefined && niceness > 0) setPriority(child.pid, niceness);
    // A set-up that ends in the middle of a step ends the step.
    const end = () => child.kill();
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    let stdout = "";
    let both = "";
    const take = (/** @type {string} */ text) => {
      both = (both + text).slice(-8_000);
      log?.write(text);
      line?.(text.trimEnd().split("\n").at(-1)?.trim() ?? "");
    };
    child.stdout.setEncoding("utf8").on("data", (text) => ((stdout += text), take(text)));
    child.stderr.setEncoding("utf8").on("data", take);
    child.on("error", (error) => reject(new Failed(`${command} could not be started: ${error.message}.`, "")));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(stdout);
      reject(new Failed(`${[command, ...args].join(" ")} ended with ${signal ?? `exit code ${code}`}.`, both));
    });
  });
}

/** SHA-256 over names and contents of files and, recursively, directories. @param {...string} paths relative to the root */
export function contentHash(...paths) {
  const hash = createHash("sha256");
  const add = (/** @type {string} */ path) => {
    const full = inRoot(path);
    if (!existsSync(full)) return;
    if (statSync(full).isDirectory()) {
      for (const name of readdirSync(full).sort()) add(join(path, name));
    } else {
      const content = readFileSync(full);
      hash.update(`${path}\0${content.length}\0`).update(content);
    }
  };
  paths.forEach(add);
  return hash.digest("hex");
}
