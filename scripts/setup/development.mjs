//! What only a development machine has: one project with its key, and the secret of a deployment.

import { createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { deploymentSecretFile, devKey, own } from "./paths.mjs";

/** @param {string} text */
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** A new API key of a deployment: `sk_live_`, 40 random hex characters and 8 of a code, as src/domain/key/api_key.rs has it. @param {string} secret */
export function newKey(secret) {
  const random = `sk_live_${randomBytes(20).toString("hex")}`;
  return random + code(random, secret);
}

/** The code at the end of a key. @param {string} random @param {string} secret */
function code(random, secret) {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "docle api key", 32));
  return createHmac("sha256", key).update(random).digest("hex").slice(0, 8);
}

/** The text of a file that its owner only can read; where there is none, it is made of `text`. @param {string} path @param {() => string} text */
function kept(path, text) {
  mkdirSync(own, { recursive: true });
  if (!existsSync(path)) writeFileSync(path, `${text()}\n`, { mode: 0o600 });
  return readFileSync(path, "utf8").trim();
}

/** The account that the development project belongs to. Nobody gets mail at a name below `.test`, see RFC 2606. */
export const developmentEmail = "dev@docle.test";

/** SQL that makes a project of the development account and its key, with the highest limit there is; repeating it changes nothing. @param {string} key */
export function projectSql(key) {
  return [
    `INSERT OR IGNORE INTO users (id, email, created_at) VALUES ('user_dev', '${developmentEmail}', 0)`,
    // A person may have signed in with this address before.
    `INSERT OR IGNORE INTO projects (id, log_id, name, created_at, user_id)
       SELECT 'proj_dev', lower(hex(randomblob(5))), 'Development', 0, id FROM users WHERE email = '${developmentEmail}'`,
    `UPDATE projects SET user_id = (SELECT id FROM users WHERE email = '${developmentEmail}') WHERE id = 'proj_dev' AND user_id IS NULL`,
    `INSERT OR IGNORE INTO api_keys (id, project_id, name, key_hash, key_prefix, created_at, rate_limit_per_minute)
       VALUES ('key_${sha256(key).slice(0, 12)}', 'proj_dev', 'npm start', '${sha256(key)}', '${key.slice(0, 12)}', 0, 10000)`,
  ];
}

/** The development key, made once. A key of another secret is of no use, so another one is made. */
export function developmentKey() {
  const secret = deploymentSecret();
  const make = () => newKey(secret);
  const key = kept(devKey, make);
  if (key.endsWith(code(key.slice(0, -8), secret))) return key;
  rmSync(devKey);
  return kept(devKey, make);
}

/** The secret of the deployment on this machine, made once: keys, ids and tokens are made with it. */
export const deploymentSecret = () => kept(deploymentSecretFile, () => randomBytes(32).toString("hex"));

/** Variables that make a Worker one of a development machine; wrangler.toml describes deployments only. */
export const developmentVars = { ENVIRONMENT: "development" };

/** Environment for wrangler: it asks nothing, fetches nothing, and does not keep a trace of every local request. */
export const wranglerEnv = {
  CI: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  X_LOCAL_OBSERVABILITY: "false",
};
