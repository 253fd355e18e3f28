//! Where the service is, and the key to it: from the environment, or kept by `docle login`.

import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Failure, USAGE } from "./failure.ts";

/** What is kept. */
export interface Config {
  apiKey?: string;
  baseUrl?: string;
  /** What `docle login` has made, unless it was given a key. */
  management?: Management;
}

/** The token that manages a project, and the key that was made with it. */
export interface Management {
  token: string;
  tokenId: string;
  keyId: string;
  project: string;
}

/** Where a command finds the service. */
export interface Access {
  apiKey: string;
  baseUrl: string;
}

/** The address of the service where nothing else is said. */
export const DEFAULT_URL = "https://api.docle.co";

/** The file in which the key is kept. */
export function configFile(): string {
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "docle", "config.json");
}

/** What is kept; nothing if there is no file. */
export function readConfig(): Config {
  let text: string;
  try {
    text = readFileSync(configFile(), "utf8");
  } catch {
    return {};
  }
  try {
    return JSON.parse(text) as Config;
  } catch {
    throw new Failure(`${configFile()} is not JSON. Delete it, and sign in again with \`docle login\`.`, USAGE);
  }
}

/** Keeps a key, where only its owner can read it. */
export function writeConfig(config: Config): void {
  const file = configFile();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  // The mode above is only that of a new file.
  chmodSync(file, 0o600);
}

/** Forgets the key. */
export function deleteConfig(): void {
  rmSync(configFile(), { force: true });
}

/** The address of the service. A kept key is sent to the address only that it was kept with. */
export function baseUrlOf(option: string | undefined): string {
  const url = option ?? process.env.DOCLE_BASE_URL ?? readConfig().baseUrl ?? DEFAULT_URL;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new Failure(`The address of the service must begin with https:// or http://, got ${url}.`, USAGE);
  return url.replace(/\/+$/, "");
}

/** The address of the service and the key to it. */
export function accessOf(option: string | undefined): Access {
  const baseUrl = baseUrlOf(option);
  const kept = readConfig();
  const isKeptFor = (kept.baseUrl ?? DEFAULT_URL).replace(/\/+$/, "") === baseUrl;
  const apiKey = process.env.DOCLE_API_KEY || (isKeptFor ? kept.apiKey : undefined);
  if (!apiKey) throw new Failure(`There is no key for ${baseUrl}. Sign in with \`docle login\`, or set DOCLE_API_KEY.`, USAGE);
  return { apiKey, baseUrl };
}
