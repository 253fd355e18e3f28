//! The lock file: which packages each layer has, with what they must hash to.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inRoot } from "../setup/paths.mjs";
import { Apt } from "./apt.mjs";
import { layers } from "./layers.mjs";

/**
 * `debs`: file name, as apt names it → SHA-256. `layers`: layer → file names.
 * @typedef {{ debs: Record<string, string>, layers: Record<string, string[]> }} Lock
 */

const FILE = inRoot("scripts", "languages", "lock.json");

/** What is committed. @returns {Lock} */
export const readLock = () => JSON.parse(readFileSync(FILE, "utf8"));

/** Changes whenever a tree would be another one. */
export function lockId() {
  const hash = createHash("sha256");
  for (const name of ["lock.json", "layers.mjs", "go.mjs"]) hash.update(readFileSync(inRoot("scripts", "languages", name)));
  return hash.digest("hex").slice(0, 16);
}

/** Takes the newest versions of the suites and writes the file. @param {string} cache */
export async function writeLock(cache) {
  const apt = new Apt(join(cache, "apt"));
  /** @type {Lock} */
  const lock = { debs: {}, layers: {} };
  const [base] = layers;
  for (const layer of layers) {
    const files = (await apt.closure([...(base?.packages ?? []), ...layer.packages])).toSorted();
    await apt.download([...(base?.packages ?? []), ...layer.packages]);
    lock.layers[layer.id] = files;
    for (const file of files) lock.debs[file] ??= sha256(join(apt.archives, file));
  }
  const debs = Object.fromEntries(Object.entries(lock.debs).toSorted());
  writeFileSync(FILE, `${JSON.stringify({ debs, layers: lock.layers }, undefined, 2)}\n`);
}

/** @param {string} path */
export const sha256 = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
