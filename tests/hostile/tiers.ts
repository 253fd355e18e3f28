//! The kinds of jails that this machine can make: as root, and as an ordinary user.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { interpreterFlags, languageFlags } from "../../scripts/setup/interpreters.mjs";
import { node, npm, runner as installed, uv } from "../../scripts/setup/paths.mjs";
import { Runner } from "../harness/runner.ts";

/** A runner of one tier, and what ends it. */
export interface Stage {
  runner: Runner;
  stop(): Promise<void>;
}

const isRoot = process.getuid?.() === 0;
const program = process.env.DOCLE_RUNNER ?? installed;

/** An ordinary user, whether or not the machine has given it a name. */
const USER = 1000;

/** A runner as the user of the tests; `flags` are added. */
export async function asOurselves(...flags: string[]): Promise<Stage> {
  const runner = await Runner.start({ flags: [...interpreterFlags(), ...languageFlags(), ...flags] });
  return { runner, stop: () => runner.stop() };
}

/** Why there is no other user to be here, if there is a reason. */
export function whyNoOrdinaryUser(): string | false {
  if (!isRoot) return "the tests run as an ordinary user already";
  if (!existsSync("/usr/bin/python3")) return "there is no Python that every user may read";
  try {
    execFileSync("unshare", ["--user", "--mount", "--pid", "--net", "--fork", "true"], { uid: USER, gid: USER, stdio: "ignore" });
    return false;
  } catch {
    return "this machine lets ordinary users make no namespaces";
  }
}

/** A runner as an ordinary user. What it needs is copied to where that user may read it. */
export async function asOrdinaryUser(): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), "docle-user-"));
  chmodSync(home, 0o755);
  const copy = (from: string, name: string) => {
    const to = join(home, name);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
    chmodSync(to, 0o755);
    return to;
  };
  const binary = copy(program, "docle-runner");
  cpSync(dirname(dirname(npm)), join(home, "npm"), { recursive: true });
  const flags = ["--interpreter", "python=/usr/bin/python3", "--interpreter", `node=${copy(node, "node/bin/node")}`];
  flags.push("--uv", copy(uv, "uv"), "--npm", join(home, "npm", "bin", "npm-cli.js"), ...languageFlags());
  const runner = await Runner.start({ user: USER, binary, below: home, flags });
  const stop = async () => {
    await runner.stop();
    rmSync(home, { recursive: true, force: true });
  };
  return { runner, stop };
}

/** Declares tests against a runner of an ordinary user, or one that is skipped where there can be none. */
export async function forOrdinaryUser(declare: (runner: Runner) => void): Promise<void> {
  const why = whyNoOrdinaryUser();
  if (why) {
    test("as an ordinary user", { skip: why }, () => undefined);
    return;
  }
  const stage = await asOrdinaryUser();
  after(() => stage.stop());
  declare(stage.runner);
}
