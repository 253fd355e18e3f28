//! numpy, pandas and matplotlib from the real registry, for sandboxes that do not reach the registry of this machine.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uv } from "../../scripts/setup/paths.mjs";

/** An archive for `tar -xzf` of what belongs into `site-packages` of a Python, such as `3.13`. */
export function dataStack(version: string): Buffer<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), "docle-data-"));
  try {
    execFileSync(uv, ["pip", "install", "--quiet", "--target", join(folder, "site"), "--python-version", version, "--python-platform", "linux", "--only-binary", ":all:", "numpy", "pandas", "matplotlib"]);
    execFileSync("tar", ["-czf", join(folder, "site.tgz"), "-C", join(folder, "site"), "--exclude", "tests", "."]);
    return readFileSync(join(folder, "site.tgz"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
