//! A real browser: Debian's Chromium, which is installed where it is missing.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const PROGRAM = "/usr/bin/chromium";

/** Starts the browser. It speaks to nobody but the pages it is given. @throws if there is none, and no apt to get it from. */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(PROGRAM)) {
    const apt = (...args: string[]) => execFileSync("apt-get", ["-qq", ...args], { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    apt("update");
    apt("install", "-y", "--no-install-recommends", "chromium");
  }
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath: PROGRAM, args });
}
