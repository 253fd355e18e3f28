//! The configuration of a Worker, as wrangler reads it, kept until the file changes: loading wrangler takes a second.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inRoot, own } from "../setup/paths.mjs";

/**
 * What Docle uses of a wrangler.toml; wrangler's own types name packages that it does not bring.
 * @typedef {object} Config
 * @property {string} name
 * @property {string} compatibility_date
 * @property {string[]} compatibility_flags
 * @property {Record<string, string>} vars
 * @property {{ bindings: { name: string, class_name: string }[] }} durable_objects
 * @property {{ class_name: string, images?: Record<string, unknown> }[]} [containers]
 * @property {{ binding: string, directory: string }} assets
 * @property {{ binding: string, id?: string, preview_id?: string }[]} kv_namespaces
 * @property {{ binding: string, database_id?: string, preview_database_id?: string }[]} d1_databases
 * @property {{ binding: string, bucket_name?: string }[]} r2_buckets
 * @property {{ name: string, namespace_id: string, simple: { limit: number, period: 10 | 60 } }[]} ratelimits
 */

/** Reads a wrangler.toml, without its environments. @param {...string} path relative to the root @returns {Promise<Config>} */
export async function readConfig(...path) {
  const text = readFileSync(inRoot(...path), "utf8");
  const versions = readFileSync(inRoot("package.json"), "utf8");
  const hash = createHash("sha256").update(`${path.join("/")}\0${text}\0${versions}`).digest("hex");
  const kept = join(own, "config", `${hash.slice(0, 16)}.json`);
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8"));
  const { unstable_readConfig } = await import("wrangler");
  const config = JSON.stringify(unstable_readConfig({ config: inRoot(...path) }, { hideWarnings: true }));
  mkdirSync(join(own, "config"), { recursive: true });
  writeFileSync(kept, config);
  return JSON.parse(config);
}

/** The local id of a D1 database: wrangler's, so that each finds what the other has stored. @param {Config["d1_databases"][number]} database */
export const databaseId = ({ binding, database_id, preview_database_id }) => preview_database_id ?? database_id ?? binding;

/** The binding of the Durable Objects that have containers. @param {Config} config @returns {string} */
export function containerBinding({ durable_objects, containers = [] }) {
  const bound = durable_objects.bindings.find(({ class_name }) => containers.some((container) => container.class_name === class_name));
  if (bound === undefined) throw new Error("wrangler.toml binds no Durable Object class with a container.");
  return bound.name;
}
