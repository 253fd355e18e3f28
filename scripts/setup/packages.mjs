//! The Node packages of the repository, Node 24 itself among them; needs only the Node and npm that started the script.

import { existsSync } from "node:fs";
import { Missing } from "./missing.mjs";
import { inRoot, modules, node } from "./paths.mjs";
import { contentHash, step } from "./steps.mjs";

/**
 * Installs what a package-lock.json has.
 * @param {import("./steps.mjs").Run} run @param {string} [cwd] its folder; that of the repository otherwise
 */
async function npmInstall(run, cwd) {
  const options = cwd === undefined ? {} : { cwd };
  // `npm install` rather than `npm ci`: the lock file lists no packages for systems that the runner does not run
  // on, and ci calls that out of sync. Versions and checksums are the lock file's either way.
  const args = ["install", "--no-save", "--no-audit", "--no-fund", "--include=optional", "--include=dev", "--loglevel=error"];
  // The npm that started the script, so that its settings of registries hold here, too.
  const started = process.env.npm_execpath;
  await (started?.endsWith(".js") ? run(process.execPath, [started, ...args], options) : run("npm", args, options));
}

/** Installs what builds and tests the packages in `packages/`, which the service does not need. */
export const installPackageTools = () =>
  step({
    name: "Tools of the published packages",
    stamp: contentHash("packages/package.json", "packages/package-lock.json"),
    made: [inRoot("packages", "node_modules", ".package-lock.json")],
    make: (run) => npmInstall(run, inRoot("packages")),
  });

/** Installs what builds the website. */
export const installSitePackages = () =>
  step({
    name: "Packages of the website",
    stamp: contentHash("web/package.json", "web/package-lock.json"),
    made: [inRoot("web", "node_modules", ".package-lock.json")],
    make: (run) => npmInstall(run, inRoot("web")),
  });

/** Installs node_modules as package-lock.json has it. */
export async function installPackages() {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    throw new Missing(`Docle's runner needs Linux on x64 or arm64 and this is ${process.platform} on ${process.arch}: use a Linux machine or virtual machine.`);
  }
  await step({
    name: "Node packages",
    why: "wrangler, the Workers runtime and Node 24, about 600 MB on disk",
    stamp: contentHash("package.json", "package-lock.json"),
    made: [`${modules}/.package-lock.json`],
    make: (run) => npmInstall(run),
  });
  if (!existsSync(node)) {
    throw new Missing("npm left out the optional package that carries Node 24: remove `omit=optional` from the npm configuration, delete node_modules and start again.");
  }
}
