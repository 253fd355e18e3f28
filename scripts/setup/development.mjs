//! What only a development machine has: one project and the key to it, and the key that signs tokens to rooms.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { devKey, own, roomKey } from "./paths.mjs";

/** @param {string} text */
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** A new API key: `sk_live_`, 40 random hex characters and 8 of checksum, so that a made-up key is refused unseen. */
export function newKey() {
  const random = `sk_live_${randomBytes(20).toString("hex")}`;
  return random + sha256(random).slice(0, 8);
}

/** SQL that makes a project and its key, with the highest limit there is; repeating it changes nothing. @param {string} key */
export function projectSql(key) {
  return [
    `INSERT OR IGNORE INTO projects (id, name, created_at) VALUES ('proj_dev', 'Development', 0)`,
    `INSERT OR IGNORE INTO api_keys (id, project_id, name, key_hash, key_prefix, created_at, rate_limit_per_minute)
       VALUES ('key_${sha256(key).slice(0, 12)}', 'proj_dev', 'npm start', '${sha256(key)}', '${key.slice(0, 12)}', 0, 10000)`,
  ];
}

/** The development key, made once and readable by its owner only. */
export function developmentKey() {
  mkdirSync(own, { recursive: true });
  if (!existsSync(devKey)) writeFileSync(devKey, `${newKey()}\n`, { mode: 0o600 });
  return readFileSync(devKey, "utf8").trim();
}

/** What tokens to rooms are signed with on this machine, made once and readable by its owner only. */
export function roomTokenKey() {
  mkdirSync(own, { recursive: true });
  if (!existsSync(roomKey)) writeFileSync(roomKey, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  return readFileSync(roomKey, "utf8").trim();
}

/** Environment for wrangler: it asks nothing, fetches nothing, and does not keep a trace of every local request. */
export const wranglerEnv = {
  CI: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  X_LOCAL_OBSERVABILITY: "false",
};
