//! Programs that run JavaScript, other than the Node of the tests: from their packages of npm, kept in `.docle/`.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const home = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), ".docle", "tools", "runtimes");
const isArm = process.arch === "arm64";

/** A program, and how it starts a module. */
export interface Runtime {
  name: string;
  /** Its package of npm, with the version. */
  package: string;
  /** Its file in the package. */
  file: string;
  args: string[];
}

const node = (version: string): Runtime => ({ name: `Node ${version.split(".")[0]}`, package: `node-linux-${isArm ? "arm64" : "x64"}@${version}`, file: "bin/node", args: [] });

export const RUNTIMES: Runtime[] = [
  // The first and the last that the packages are for; the tests themselves run in Node 24.
  node("20.8.0"),
  node("22.23.5"),
  { name: "Bun", package: `@oven/bun-linux-${isArm ? "aarch64" : "x64-baseline"}@1.4.5`, file: "bin/bun", args: ["run"] },
  { name: "Deno", package: `@deno/linux-${isArm ? "arm64" : "x64"}-glibc@2.9.6`, file: "deno", args: ["run", "--quiet", "--no-lock", "--allow-net", "--allow-env", "--node-modules-dir=manual"] },
];

/** The path of a program, which is fetched if it is not there. @throws if npm cannot get it. */
export function programOf({ package: name, file }: Runtime): string {
  const folder = join(home, name.replaceAll("/", "+"));
  if (!existsSync(folder)) {
    const stage = `${folder}.${process.pid}`;
    mkdirSync(stage, { recursive: true });
    try {
      // npm compares the tarball with the checksum of the registry.
      execFileSync("npm", ["pack", name, "--silent", "--pack-destination", stage], { cwd: stage, stdio: ["ignore", "ignore", "inherit"] });
      execFileSync("tar", ["-xzf", readdirSync(stage).find((one) => one.endsWith(".tgz")) ?? "", "--strip-components=1"], { cwd: stage });
      renameSync(stage, folder);
    } finally {
      rmSync(stage, { recursive: true, force: true });
    }
  }
  return join(folder, file);
}
