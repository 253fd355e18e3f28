//! `docle login` and `docle logout`.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { Docle } from "@doclehq/sdk";
import { DEFAULT_URL, baseUrlOf, configFile, deleteConfig, writeConfig } from "./config.ts";
import { Failure, USAGE } from "./failure.ts";
import type { CommandLine } from "./options.ts";
import { say } from "./output.ts";

/** Asks for a key, tries it, and keeps it. */
export async function login({ values }: CommandLine): Promise<number> {
  const baseUrl = baseUrlOf(values["base-url"]);
  const apiKey = (await ask(`API key for ${baseUrl}: `)).trim();
  if (!/^(sk_live|rt)_/.test(apiKey)) throw new Failure("An API key begins with sk_live_. Create one in your project.", USAGE);
  // A call that every key may make, and that runs nothing.
  await new Docle({ apiKey, baseUrl }).rooms.list({ limit: 1 });
  writeConfig({ apiKey, ...(baseUrl === DEFAULT_URL ? {} : { baseUrl }) });
  say(`signed in; the key is in ${configFile()}.`);
  return 0;
}

/** Forgets the key. */
export function logout(): number {
  deleteConfig();
  say(`signed out; the key itself is still good, until you revoke it.`);
  return 0;
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
