//! Packages as people install them: packed, and unpacked beside what they run with.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const packages = dirname(dirname(fileURLToPath(import.meta.url)));

/** A package that is installed in a folder of its own. */
export interface Installed {
  /** The folder in which it is installed; programs in it import the package by its name. */
  folder: string;
  /** The folder of the package. */
  package: string;
  remove(): void;
}

/** Packs `packages/<name>` and installs it in a folder of its own, within `packages/`, so that other packages are found. */
export function install(name: string): Installed {
  const folder = mkdtempSync(join(packages, ".packed-"));
  const npm = (...args: string[]) => execFileSync("npm", [...args, "--silent"], { cwd: join(packages, name), encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  npm("run", "build");
  const tarball = npm("pack", "--pack-destination", folder).trim();
  const target = join(folder, "node_modules", "@doclehq", name);
  mkdirSync(target, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, tarball), "-C", target, "--strip-components=1"]);
  return { folder, package: target, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A module of an installed package: what its entry of this name exports. */
export const load = (installed: Installed, entry = "index"): Promise<unknown> => import(pathToFileURL(join(installed.package, "dist", `${entry}.js`)).href);
