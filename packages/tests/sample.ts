//! Samples of websites that use the packages: installed in `.docle/`, with the packages from their tarballs.

import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Installed } from "./packed.ts";

const here = dirname(fileURLToPath(import.meta.url));
const home = join(dirname(dirname(here)), ".docle", "tools", "samples");

/** Runs a program in a folder. @throws with what it has said. */
export async function execute(folder: string, program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  await promisify(execFile)(program, args, { cwd: folder, env: { ...process.env, ...env }, maxBuffer: 16 << 20 }).catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`${program} ${args.join(" ")}\n${error.stdout ?? ""}${error.stderr ?? ""}`, { cause: error });
  });
}

/** Puts a sample with these packages into a folder; answers with it. What it needs of npm is fetched where it has changed. */
export async function sample(name: string, packages: Record<string, Installed>): Promise<string> {
  const folder = join(home, name);
  const stamp = join(folder, "node_modules", ".docle");
  const wanted = readFileSync(join(here, "samples", name, "package.json"), "utf8");
  mkdirSync(folder, { recursive: true });
  cpSync(join(here, "samples", name), folder, { recursive: true });
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    rmSync(join(folder, "node_modules"), { recursive: true, force: true });
    await execute(folder, "npm", ["install", "--no-audit", "--no-fund", "--silent"]);
    writeFileSync(stamp, wanted);
  }
  for (const [own, { package: from }] of Object.entries(packages)) {
    const to = join(folder, "node_modules", "@doclehq", own);
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
  }
  return folder;
}
