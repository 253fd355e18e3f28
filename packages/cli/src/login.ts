//! `docle login` and `docle logout`.

import { hostname } from "node:os";
import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Writable } from "node:stream";
import { Docle } from "@doclehq/sdk";
import { DEFAULT_URL, baseUrlOf, configFile, deleteConfig, readConfig, writeConfig, type Config, type Management } from "./config.ts";
import { Failure, USAGE, failureOf } from "./failure.ts";
import type { CommandLine } from "./options.ts";
import { say } from "./output.ts";
import { ServiceError, call } from "./service.ts";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";

/** Answers of `POST /auth/device` and `POST /auth/device/token`, as RFC 8628 has them. */
interface Codes {
  device_code: string;
  user_code: string;
  verification_uri: string;
  expires_in: number;
  interval: number;
}

interface Token {
  access_token: string;
  expires_in: number;
  id: string;
  project_id: string;
}

/** Signs in with a code that the user types into a page, or with a key; keeps what later commands need. */
export async function login({ values }: CommandLine): Promise<number> {
  const baseUrl = baseUrlOf(values["base-url"]);
  const before = readConfig();
  const kept: Config = values["with-key"] ? { apiKey: await keyOfUser(baseUrl) } : await byDevice(baseUrl);
  writeConfig({ ...kept, ...(baseUrl === DEFAULT_URL ? {} : { baseUrl }) });
  // What the login before has made is of no use to anybody any more.
  await revoke(before).catch((error: unknown) => say(`the key of the login before could not be revoked: ${failureOf(error).message}`));
  say(`signed in; the key is in ${configFile()}.`);
  return 0;
}

/** Revokes what `docle login` has made, and forgets it. */
export async function logout(): Promise<number> {
  const config = readConfig();
  deleteConfig();
  if (config.management === undefined) {
    say(config.apiKey === undefined ? "you were not signed in." : "signed out; the key itself is still good, until you revoke it.");
    return 0;
  }
  try {
    await revoke(config);
    say("signed out; the key and the token of this machine are revoked.");
    return 0;
  } catch (error) {
    const why = failureOf(error).message;
    throw new Failure(`Signed out here, but the key could not be revoked: ${why} Revoke it among the keys of the project.`);
  }
}

/** Revokes the key and the token that a login has made. */
async function revoke({ management, baseUrl = DEFAULT_URL }: Config): Promise<void> {
  if (management === undefined) return;
  await call(baseUrl, "DELETE", `/api/keys/${management.keyId}`, { token: management.token });
  await call(baseUrl, "DELETE", `/api/keys/${management.tokenId}`, { token: management.token });
}

/** Asks for a key, and tries it. */
async function keyOfUser(baseUrl: string): Promise<string> {
  const apiKey = (await ask(`API key for ${baseUrl}: `)).trim();
  if (!/^(sk_live|rt)_/.test(apiKey)) throw new Failure("An API key begins with sk_live_. Create one in your project.", USAGE);
  // A call that every key may make, and that runs nothing.
  await new Docle({ apiKey, baseUrl }).rooms.list({ limit: 1 });
  return apiKey;
}

/** Shows a code, waits until the user has typed it into the page, and makes a key for this machine. */
async function byDevice(baseUrl: string): Promise<Config> {
  const name = `docle-cli on ${hostname()}`.replace(/[\p{Cc}]/gu, "").slice(0, 64);
  const codes = await call<Codes>(baseUrl, "POST", "/auth/device", { body: { client_id: name } });
  say(`open ${codes.verification_uri} and type the code ${codes.user_code}. It holds for ${Math.round(codes.expires_in / 60)} minutes.`);
  const token = await tokenOf(baseUrl, codes);
  const expiresAt = new Date(Date.now() + token.expires_in * 1_000).toISOString();
  const made = call<{ key: string; id: string }>(baseUrl, "POST", `/api/projects/${token.project_id}/keys`, { token: token.access_token, body: { name, expiresAt } });
  const key = await made.catch(async (error: unknown) => {
    // A token that is kept nowhere is of no use.
    await call(baseUrl, "DELETE", `/api/keys/${token.id}`, { token: token.access_token }).catch(() => undefined);
    throw error;
  });
  const management: Management = { token: token.access_token, tokenId: token.id, keyId: key.id, project: token.project_id };
  return { apiKey: key.key, management };
}

/** Asks until the user has decided. */
async function tokenOf(baseUrl: string, { device_code, interval, expires_in }: Codes): Promise<Token> {
  const end = Date.now() + expires_in * 1_000;
  for (let pause = interval; ; ) {
    await sleep(pause * 1_000);
    try {
      return await call<Token>(baseUrl, "POST", "/auth/device/token", { body: { grant_type: GRANT_TYPE, device_code } });
    } catch (error) {
      const { code, status } = error instanceof ServiceError ? error : { code: undefined, status: 503 };
      const isPending = code === "authorization_pending" || code === "slow_down";
      // A connection that breaks is tried again (RFC 8628, section 3.5), and so is a service that is busy.
      if (!isPending && status < 500 && status !== 429) throw error;
      if (Date.now() > end) throw isPending ? new Failure("The code has expired. Begin again with `docle login`.") : error;
      if (code !== "authorization_pending") pause += interval;
    }
  }
}

/** Reads a line without showing it, also from a pipe. */
async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY === true });
  try {
    const answer = await Promise.race([lines.question(""), new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)))]);
    if (answer === undefined) throw new Failure("There is no key on standard input.", USAGE);
    return answer;
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
