//! The images of local containers: the runner's, built from container/Dockerfile, and the stand-in for the side-car.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Missing } from "../setup/missing.mjs";
import { inRoot, node, npm, own, root, uv } from "../setup/paths.mjs";
import { contentHash, run as runQuietly, step } from "../setup/steps.mjs";
import { debianMirror } from "./engine.mjs";

/** What this repository compiles for the image. A file more is a line more, here and in the Dockerfile. */
const ARTIFACTS = [{ crate: "docle-runner", file: "docle-runner" }];
/** What is loaded into programs of the image, and linked like them. */
const LIBRARIES = [{ crate: "docle-fork", file: "libdocle_fork.so" }];
/** Debian, made here where no registry answers. */
const OWN_DEBIAN = "docle-debian:bookworm";
/** When everything in an image was made, whenever it was: the day that npm gives to all its files. In seconds since 1970. */
const MADE = 499_162_500;
/** The builder takes that time from its environment, and gives it to what it copies. */
export const buildEnv = { SOURCE_DATE_EPOCH: `${MADE}` };
const SOURCES = ["Cargo.toml", "Cargo.lock", "crates"];

const directory = join(own, "image");

/** The target of this machine. */
const host = () => execFileSync("rustc", ["-vV"], { cwd: root, encoding: "utf8" }).match(/^host: (.*)$/m)?.[1] ?? "";

/** Flags for the compiler, which writes into a program where its sources lie: not where they do on this machine. @param {...string} more */
const flags = (...more) => {
  const home = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  return { CARGO_ENCODED_RUSTFLAGS: [...more, `--remap-path-prefix=${home}=/cargo`, `--remap-path-prefix=${root}=/docle`].join("\x1f") };
};

/** Compiles crates as the Dockerfile does, programs statically, into one directory. @param {string} name @param {typeof ARTIFACTS} artifacts @param {typeof LIBRARIES} libraries @param {...string} sources */
async function compile(name, artifacts, libraries, ...sources) {
  const into = join(directory, name);
  const made = [...artifacts, ...libraries].map(({ file }) => join(into, file));
  await step({
    name: `Static ${name}`,
    why: "for the image",
    stamp: contentHash(...SOURCES, ...sources, "scripts/containers/images.mjs"),
    made,
    make: async (run) => {
      const target = host();
      const env = flags("-C", "target-feature=+crt-static");
      const crates = artifacts.flatMap(({ crate }) => ["-p", crate]);
      await run("cargo", ["build", "--locked", "--profile", "runner", "--target", target, ...crates], { env });
      mkdirSync(into, { recursive: true });
      for (const { file } of artifacts) copyFileSync(inRoot("target", target, "runner", file), join(into, file));
      for (const { crate, file } of libraries) {
        await run("cargo", ["build", "--locked", "--profile", "runner", "-p", crate], { env: flags() });
        copyFileSync(inRoot("target", "runner", file), join(into, file));
      }
    },
  });
  return into;
}

/** Whether the engine has an image. @param {string} docker @param {string} tag */
function has(docker, tag) {
  try {
    execFileSync(docker, ["image", "inspect", tag], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The tag of Debian's image: from the registry where that answers, else made of Debian's packages. @param {string} docker */
async function debian(docker) {
  const official = "debian:bookworm-slim";
  if (has(docker, OWN_DEBIAN)) return OWN_DEBIAN;
  try {
    await runQuietly(docker, ["pull", "--quiet", official]);
    return official;
  } catch (error) {
    if (process.getuid?.() !== 0) throw new Missing(`${official} could not be pulled, and only root can make one of Debian's packages (${error instanceof Error ? error.message : error})`);
  }
  await step({
    name: "Debian for images",
    why: "no registry answers, so it is made of Debian's packages",
    stamp: `${Date.now()}`,
    made: [],
    make: async (run) => {
      await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "mmdebstrap"], { env: { DEBIAN_FRONTEND: "noninteractive" } });
      mkdirSync(directory, { recursive: true });
      const archive = join(directory, "debian.tar");
      // What Debian's own slim images leave out, too.
      const without = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"].map((path) => `--dpkgopt=path-exclude=${path}`);
      await run("mmdebstrap", ["--quiet", "--variant=apt", ...without, "bookworm", archive, debianMirror()]);
      await run(docker, ["import", archive, OWN_DEBIAN]);
      rmSync(archive);
    },
  });
  return OWN_DEBIAN;
}

/** Directories in place of stages, as `docker build` takes them: what set-up has fetched and compiled already. @param {string} docker */
export async function contexts(docker) {
  const artifacts = await compile("runner", ARTIFACTS, LIBRARIES, "container");
  const empty = join(directory, "empty");
  mkdirSync(empty, { recursive: true });
  return {
    debian: `docker-image://${await debian(docker)}`,
    artifacts,
    node: dirname(dirname(node)),
    npm: dirname(dirname(npm)),
    uv: dirname(dirname(uv)),
    // Nothing needs these any more, but the builder looks up the images of stages that are not handed in.
    build: empty,
    "node-image": empty,
    "uv-image": empty,
  };
}

/** Whether Debian was made here because no registry answered. @param {string} source */
export const isOwn = (source) => source === `docker-image://${OWN_DEBIAN}`;

/** @param {Record<string, string>} stages */
export const contextFlags = (stages) => Object.entries(stages).flatMap(([stage, source]) => ["--build-context", `${stage}=${source}`]);

/** The arguments with which `docker build` makes the runner's image from what set-up has made. @param {Record<string, string>} stages */
export const runnerFlags = (stages) => ["--load", "--provenance=false", "--progress=plain", "-f", inRoot("container", "Dockerfile"), ...contextFlags(stages), root];

/** Builds both images where they are not there yet. Answers with their tags. @param {string} docker */
export async function buildImages(docker) {
  const stages = await contexts(docker);
  const versions = contentHash("container/Dockerfile", "package-lock.json", "scripts/setup/interpreters.mjs", join(".docle", "image", "runner"));
  const runner = `docle-runner:${versions.slice(0, 12)}`;
  await build(docker, "Sandbox image", runner, runnerFlags(stages));

  const sidecar = await compile("sidecar", [{ crate: "docle-sidecar", file: "docle-sidecar" }], [], "tests/containers/sidecar");
  writeFileSync(join(sidecar, "Dockerfile"), SIDECAR);
  const tag = `docle-sidecar:${contentHash(join(".docle", "image", "sidecar")).slice(0, 12)}`;
  await build(docker, "Side-car image", tag, ["--load", ...contextFlags({ debian: stages.debian }), sidecar]);
  return { runner, sidecar: tag };
}

const SIDECAR = `FROM debian
RUN apt-get update && apt-get install -y --no-install-recommends iptables && rm -rf /var/lib/apt/lists/*
COPY docle-sidecar /docle-sidecar
ENTRYPOINT ["/docle-sidecar"]
`;

/** @param {string} docker @param {string} name @param {string} tag @param {string[]} args */
async function build(docker, name, tag, args) {
  if (has(docker, tag)) return;
  await step({
    name,
    stamp: `${Date.now()}`,
    made: [],
    make: async (run) => void (await run(docker, ["build", "--tag", tag, ...args], { env: buildEnv })),
  });
}
