//! The image: the same whenever and wherever it is made, and without a trace of the machine that made it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findEngine } from "../../scripts/containers/engine.mjs";
import { buildEnv, buildImages, contexts, runnerFlags } from "../../scripts/containers/images.mjs";
import { own, root } from "../../scripts/setup/paths.mjs";

const engine = await findEngine();
assert(engine.missing === undefined, "an engine");
const docker = (...args: string[]) => execFileSync(engine.docker, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...buildEnv } }).trim();
await buildImages(engine.docker);

test("it is the same when it is made twice, each time from the start", async () => {
  const flags = runnerFlags(await contexts(engine.docker));
  const made = ["docle-again:one", "docle-again:two"].map((tag) => {
    docker("build", "--no-cache", "--tag", tag, ...flags);
    const image = docker("image", "inspect", "--format", "{{.Id}} {{json .RootFS.Layers}}", tag);
    docker("image", "rm", tag);
    return image;
  });
  assert.equal(made[0], made[1]);
});

test("what it executes does not say where it was compiled", () => {
  for (const file of ["docle-runner", "libdocle_fork.so"]) {
    const binary = readFileSync(join(own, "image", "runner", file));
    assert.ok(binary.includes("/cargo/registry/"), "paths are there");
    for (const path of [root, join(homedir(), ".cargo")]) assert.ok(!binary.includes(path), `${file} names ${path}`);
  }
});
