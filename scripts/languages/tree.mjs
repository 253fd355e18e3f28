//! Makes the tree of languages: packages unpacked into a store by their hashes, and merged into one root by hard links.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failed, Missing } from "../setup/missing.mjs";
import { run } from "../setup/steps.mjs";
import { Apt } from "./apt.mjs";
import { PRUNED, layers } from "./layers.mjs";
import { lockId, readLock, sha256 } from "./lock.mjs";

/** Where everything is kept for all checkouts of this machine, so that a new one fetches nothing again. */
export const cache = process.env.DOCLE_LANGUAGES ?? (process.getuid?.() === 0 ? "/var/cache/docle/languages" : join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "docle", "languages"));

/**
 * The tree of this checkout's lock file: `root`, which jails show, and `languages`, with a file for each that is installed.
 * The place is there at once, so that a runner shows what comes later.
 */
export function place() {
  const directory = join(cache, lockId());
  const [root, languages] = [join(directory, "root"), join(directory, "languages")];
  if (existsSync(languages)) utimesSync(directory, new Date(), new Date());
  else {
    makeSkeleton(root);
    mkdirSync(languages, { recursive: true });
  }
  return { directory, root, languages };
}

/** The directories and files that a jail mounts over, and the links of a merged /usr. @param {string} root */
function makeSkeleton(root) {
  for (const name of ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc/ssl/certs", "dev", "opt", "packages", "proc", "run", "tmp", "var/tmp", "workspace"]) mkdirSync(join(root, name), { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) if (!existsSync(join(root, name))) symlinkSync(`usr/${name}`, join(root, name));
  // What a compilation makes is shown where packages are.
  if (!existsSync(join(root, "build"))) symlinkSync("packages", join(root, "build"));
  for (const name of ["passwd", "group", "hosts", "hostname", "nsswitch.conf"]) writeFileSync(join(root, "etc", name), "");
}

/** The languages that are installed, with their versions. @returns {Record<string, string>} */
export function installed() {
  const { languages } = place();
  const found = layers.map(({ id }) => [id, join(languages, `${id}.json`)]).filter(([, file = ""]) => existsSync(file));
  return Object.fromEntries(found.map(([id, file = ""]) => [id, JSON.parse(readFileSync(file, "utf8")).version]));
}

/** Makes the layers of `wanted`, or all, that are not there yet. @param {string[]} wanted @param {(text: string) => void} say */
export async function makeTree(wanted, say) {
  const { root, languages } = place();
  const [store, lock, apt] = [join(cache, "store"), readLock(), new Apt(join(cache, "apt"))];
  mkdirSync(store, { recursive: true });
  const merged = new Set();
  for (const layer of layers.filter(({ id }) => id === "base" || wanted.length === 0 || wanted.includes(id))) {
    const marker = join(languages, `${layer.id}.json`);
    const files = lock.layers[layer.id] ?? [];
    if (existsSync(marker)) {
      for (const file of files) merged.add(file);
      continue;
    }
    for (const file of await fetched(apt, store, files, lock.debs)) {
      if (!merged.has(file)) await run("cp", ["--archive", "--link", "--force", `${join(store, lock.debs[file] ?? "")}/.`, root]);
      merged.add(file);
    }
    await run("ldconfig", ["-r", root], { env: { PATH: `${process.env.PATH}:/sbin:/usr/sbin` } });
    await layer.finish?.(root);
    const version = upstream(files.find((file) => file.startsWith(`${layer.version}_`)) ?? "");
    writeFileSync(`${marker}.new`, `${JSON.stringify({ version })}\n`);
    renameSync(`${marker}.new`, marker);
    if (layer.id !== "base") say(`${layer.id} ${version} is installed.`);
  }
  removeOld(store, Object.values(lock.debs));
}

/** How long the tree of a lock file is kept that no checkout uses, in milliseconds. */
const KEEP_MS = 7 * 24 * 60 * 60 * 1_000;

/** Removes the trees that no checkout has used for a week, and then what only they had. @param {string} store @param {string[]} used the hashes of this tree */
function removeOld(store, used) {
  const others = readdirSync(cache).filter((name) => /^[0-9a-f]{16}$/.test(name) && name !== lockId());
  const old = others.filter((name) => statSync(join(cache, name)).mtimeMs < Date.now() - KEEP_MS);
  for (const name of old) rmSync(join(cache, name), { recursive: true, force: true });
  if (old.length < others.length) return;
  for (const name of readdirSync(store)) if (!used.includes(name)) rmSync(join(store, name), { recursive: true, force: true });
}

/** Has every package of `files` in the store, verified by the lock, and answers with them. @param {Apt} apt @param {string} store @param {string[]} files @param {Record<string, string>} hashes @returns {Promise<string[]>} */
async function fetched(apt, store, files, hashes) {
  const absent = files.filter((file) => !existsSync(join(store, hashes[file] ?? "")));
  if (absent.length === 0) return files;
  // All of them, so that apt has nothing left to choose.
  const packages = files.map(packageOf);
  try {
    await apt.download(packages);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    const gone = error.output.match(/^E: Version '(.*)' for '(.*)' was not found/m);
    if (gone) throw new Missing(`The mirror has ${gone[2]} in another version than ${gone[1]} by now: \`node scripts/languages.mjs lock\` takes the versions that it has.`);
    const full = /No space left|enough free space/.test(error.output);
    throw new Missing(full ? `${cache} has too little room for the further languages; DOCLE_LANGUAGES names another directory.` : `Packages of the further languages could not be fetched (${error.output.trim().split("\n").at(-1)}); the next start goes on.`);
  }
  for (const file of absent) {
    const archive = join(apt.archives, file);
    if (sha256(archive) !== hashes[file]) throw new Missing(`${file} is not the file that scripts/languages/lock.json names: the mirror has changed it.`);
    const target = join(store, hashes[file] ?? "");
    const staged = `${target}.new`;
    rmSync(staged, { recursive: true, force: true });
    mkdirSync(staged);
    await run("dpkg-deb", ["--extract", archive, staged]);
    for (const pruned of PRUNED) rmSync(join(staged, pruned), { recursive: true, force: true });
    merge(staged);
    renameSync(staged, target);
    rmSync(archive);
  }
  return files;
}

/** Moves what a package has outside of /usr there, where it belongs in a merged /usr. @param {string} directory */
function merge(directory) {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    const outside = join(directory, name);
    if (!existsSync(outside)) continue;
    mkdirSync(join(directory, "usr", name), { recursive: true });
    execFileSync("cp", ["--archive", "--link", `${outside}/.`, join(directory, "usr", name)]);
    rmSync(outside, { recursive: true });
  }
}

/** `name=version` of a file that apt has named. @param {string} file */
function packageOf(file) {
  const [name, version = ""] = file.split("_");
  return `${name}=${decodeURIComponent(version)}`;
}

/** The upstream version in a file's name: 8.4.28 for php8.4-cli_8.4.28-1~deb13u1_amd64.deb. @param {string} file */
export function upstream(file) {
  const version = decodeURIComponent(file.split("_")[1] ?? "").replace(/^\d+:/, "");
  return version.match(/^\d+(\.\d+)*/)?.[0] ?? version;
}
