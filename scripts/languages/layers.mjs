//! What the tree of languages consists of: the packages of each language, and what replaces their maintainer scripts.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { bakeGo } from "./go.mjs";

/**
 * One layer of the tree.
 * @typedef {object} Layer
 * @property {string} id the language as crates/languages calls it, or "base"
 * @property {string[]} packages of Debian, without what they depend on; `name/suite` where not the newest suite has it
 * @property {string} version the package whose version is the language's
 * @property {(root: string) => void | Promise<void>} [finish] what maintainer scripts would do; done once, and may be done again
 */

/** Programs that every language needs or its programs call. Nothing counts as installed, so essential packages are named. */
const base = ["bash", "coreutils", "dash", "debianutils", "findutils", "gawk", "grep", "gzip", "libc-bin", "ncurses-base", "procps", "sed", "tar"];

const php = ["cli", "mbstring", "xml", "intl", "curl", "sqlite3", "bcmath"];

/** The layers in the order in which they are made: what is small and asked for most comes first. @type {Layer[]} */
export const layers = [
  { id: "base", packages: base, version: "bash", finish: (root) => link(root, "usr/bin/awk", "gawk") },
  { id: "bash", packages: [], version: "bash" },
  { id: "perl", packages: ["perl"], version: "perl" },
  { id: "lua", packages: ["lua5.4"], version: "lua5.4" },
  { id: "php", packages: php.map((name) => `php8.4-${name}`), version: "php8.4-cli", finish: finishPhp },
  { id: "ruby", packages: ["ruby"], version: "ruby3.3" },
  { id: "c", packages: ["gcc", "libc6-dev"], version: "gcc-14", finish: linkCc },
  { id: "cpp", packages: ["g++"], version: "g++-14" },
  { id: "go", packages: ["golang-1.26-go/trixie-backports"], version: "golang-1.26-go", finish: bakeGo },
  { id: "java", packages: ["openjdk-25-jdk-headless"], version: "openjdk-25-jdk-headless" },
  { id: "rust", packages: ["gcc", "libc6-dev", "rustc-web"], version: "rustc-web", finish: linkCc },
];

/** Makes the link `path` to `target` unless something is there. @param {string} root @param {string} path @param {string} target */
function link(root, path, target) {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  if (!existsSync(full)) symlinkSync(target, full);
}

/** The name that build tools, and Rust's compiler, call the linker by. @param {string} root */
function linkCc(root) {
  link(root, "usr/bin/cc", "gcc");
}

/** Configures PHP with every extension whose package is there, as phpenmod does. @param {string} root */
function finishPhp(root) {
  const etc = join(root, "etc/php/8.4/cli");
  const enabled = join(etc, "conf.d");
  rmSync(etc, { recursive: true, force: true });
  mkdirSync(enabled, { recursive: true });
  copyFileSync(join(root, "usr/lib/php/8.4/php.ini-production.cli"), join(etc, "php.ini"));
  const share = join(root, "usr/share");
  for (const directory of readdirSync(share).filter((name) => name.startsWith("php8.4-"))) {
    for (const inner of readdirSync(join(share, directory))) {
      for (const file of readdirSync(join(share, directory, inner)).filter((name) => name.endsWith(".ini"))) {
        // PDO and the XML parser come before the extensions that need them.
        const order = file === "pdo.ini" ? "10" : file === "xml.ini" ? "15" : "20";
        copyFileSync(join(share, directory, inner, file), join(enabled, `${order}-${file}`));
      }
    }
  }
}

/** Directories of a package that no program reads. */
export const PRUNED = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug"];
