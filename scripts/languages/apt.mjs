//! Debian's packages, fetched by the machine's own apt with a state of ours: nothing of the machine's own is touched.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failed, Missing } from "../setup/missing.mjs";
import { run } from "../setup/steps.mjs";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const MIRROR = process.env.DOCLE_DEBIAN_MIRROR ?? "http://deb.debian.org/debian";
const SECURITY = process.env.DOCLE_DEBIAN_SECURITY_MIRROR ?? "http://deb.debian.org/debian-security";
const SUITES = [`${MIRROR} trixie`, `${MIRROR} trixie-updates`, `${SECURITY} trixie-security`, `${MIRROR} trixie-backports`];

/** Why this machine cannot fetch packages, in a sentence; undefined where it can. @returns {string | undefined} */
export function whyNoApt() {
  if (process.platform !== "linux" || process.arch !== "x64") return "The further languages are made for Linux on x86-64 only; Python and Node run without them.";
  for (const command of ["apt-get", "dpkg-deb", "flock"]) {
    try {
      execFileSync(command, ["--version"], { stdio: "ignore" });
    } catch {
      return `${command} is missing, so the further languages cannot be installed; Python and Node run without them. A Debian or Ubuntu has it.`;
    }
  }
  if (!existsSync(KEYRING)) return `${KEYRING} is missing, so Debian's packages cannot be verified: install debian-archive-keyring. Python and Node run without the further languages.`;
  return undefined;
}

/** apt with a state of its own. */
export class Apt {
  /** Where the packages lie that {@link download} has fetched. */
  archives;
  #options;
  #updated = false;

  /** @param {string} directory */
  constructor(directory) {
    this.archives = join(directory, "archives");
    for (const path of ["lists/partial", "archives/partial"]) mkdirSync(join(directory, path), { recursive: true });
    const [status, sources] = [join(directory, "status"), join(directory, "sources.list")];
    writeFileSync(status, "");
    writeFileSync(sources, SUITES.map((suite) => `deb [signed-by=${KEYRING}] ${suite} main\n`).join(""));
    const settings = {
      "Dir::Etc::sourcelist": sources,
      "Dir::Etc::sourceparts": "/dev/null",
      "Dir::Etc::preferences": "/dev/null",
      "Dir::Etc::preferencesparts": "/dev/null",
      "Dir::State": directory,
      "Dir::State::status": status,
      "Dir::State::lists": join(directory, "lists"),
      "Dir::Cache": directory,
      "Dir::Cache::archives": this.archives,
      "APT::Architecture": "amd64",
      "APT::Install-Recommends": "false",
      "Acquire::Languages": "none",
      "Acquire::Retries": "3",
      ...(process.getuid?.() === 0 ? { "APT::Sandbox::User": "root" } : {}),
    };
    this.#options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  }

  /** Fetches the lists of the suites, once. */
  async update() {
    if (this.#updated) return;
    try {
      await this.#run("update", "--error-on=any");
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      const reason = error.output.trim().split("\n").findLast((line) => line.startsWith("E:")) ?? error.message;
      throw new Missing(`${MIRROR} does not answer, so the further languages are not installed now (${reason}); the next start goes on. DOCLE_DEBIAN_MIRROR names another mirror.`);
    }
    this.#updated = true;
  }

  /** Fetches packages with everything that they depend on. apt verifies them by what the suites' keys have signed. @param {string[]} packages `name`, `name=version` or `name/suite` */
  async download(packages) {
    await this.update();
    await this.#run("install", "--download-only", "--yes", "--quiet", ...packages);
  }

  /** What {@link download} would have at hand afterwards: file names. @param {string[]} packages @returns {Promise<string[]>} */
  async closure(packages) {
    await this.update();
    // An empty directory of archives, so that nothing is left out for being there already.
    const nowhere = `${this.archives}-none`;
    mkdirSync(join(nowhere, "partial"), { recursive: true });
    const printed = await this.#run("install", "--print-uris", "--yes", "--quiet=2", "-o", `Dir::Cache::archives=${nowhere}`, ...packages);
    return printed.trim().split("\n").map((line) => line.split(" ")[1] ?? "");
  }

  /** @param {...string} args */
  #run(...args) {
    return run("apt-get", [...this.#options, ...args], { env: { LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" } });
  }
}
