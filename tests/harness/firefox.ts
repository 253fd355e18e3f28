//! Firefox: the machine's own, or else that of Debian's package, unpacked into `.docle/`.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import puppeteer, { type Browser } from "puppeteer-core";
import { inRoot } from "../../scripts/setup/paths.mjs";

const unpacked = inRoot(".docle", "tools", "firefox");

/** Gets Debian's package, and those that it needs and the machine lacks, without installing them. */
function unpack(): void {
  const folder = `${unpacked}.${process.pid}`;
  mkdirSync(join(folder, "partial"), { recursive: true });
  try {
    const settings = ["Debug::NoLocking=1", `Dir::Cache::archives=${folder}`].flatMap((setting) => ["-o", setting]);
    execFileSync("apt-get", [...settings, "install", "--download-only", "--no-install-recommends", "-y", "-qq", "firefox-esr"], { stdio: "ignore" });
    for (const name of readdirSync(folder).filter((name) => name.endsWith(".deb"))) {
      execFileSync("dpkg-deb", ["-x", name, "."], { cwd: folder });
      rmSync(join(folder, name));
    }
    renameSync(folder, unpacked);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Why this machine has no Firefox, in a sentence; undefined where it has one, which is fetched on the way. */
export function whyNoFirefox(): string | undefined {
  if (process.env.FIREFOX !== undefined || existsSync(unpacked)) return undefined;
  try {
    unpack();
    return undefined;
  } catch {
    return "apt has no firefox-esr here: set FIREFOX to the path of a Firefox";
  }
}

/** Starts it without a window. */
export async function launchFirefox(): Promise<Browser> {
  const libraries = join(unpacked, "usr", "lib");
  const folders = existsSync(libraries) ? readdirSync(libraries).filter((name) => name.endsWith("-linux-gnu")) : [];
  const executablePath = process.env.FIREFOX ?? join(libraries, "firefox-esr", "firefox-esr");
  const env = { ...process.env, LD_LIBRARY_PATH: folders.map((name) => join(libraries, name)).join(":"), MOZ_DISABLE_CONTENT_SANDBOX: "1" };
  return puppeteer.launch({ browser: "firefox", executablePath, headless: true, env });
}
