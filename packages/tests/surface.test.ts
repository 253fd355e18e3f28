//! What packages show to those who install them: each change of their types, commands, dependencies and sizes is seen here first.
//! `UPDATE_SURFACE=1` writes the snapshots again.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BUDGETS, weigh } from "./budgets.ts";
import { install, type Installed } from "./packed.ts";

const snapshots = join(dirname(fileURLToPath(import.meta.url)), "surface");
const names = ["sdk", "react", "vue", "embed", "rate-limit", "sandbox", "cli"];
const packages = new Map(names.map((name) => [name, install(name)]));
after(() => packages.forEach((one) => one.remove()));
const of = (name: string): Installed => packages.get(name) ?? assert.fail(name);

/** Compares a text with the one that is kept. */
function same(file: string, text: string): void {
  const path = join(snapshots, file);
  if (process.env.UPDATE_SURFACE !== undefined) {
    mkdirSync(snapshots, { recursive: true });
    writeFileSync(path, text);
  }
  assert.equal(text, existsSync(path) ? readFileSync(path, "utf8") : "", `packages/tests/surface/${file} has another surface; UPDATE_SURFACE=1 writes it again`);
}

/** The types of a package without comments, and without how its files name each other. Those of the API are pinned by openapi.json. */
function typesOf({ package: home }: Installed): string {
  const files = readdirSync(join(home, "dist")).filter((file) => file.endsWith(".d.ts") && !file.startsWith("api-"));
  const parts = files.map((file): [string, string] => {
    const isShared = /-[\w-]{8}\.d\.ts$/.test(file);
    const text = readFileSync(join(home, "dist", file), "utf8")
      .replace(/\/\*\*[^]*?\*\//g, "")
      .replace(/^\/\/.*$/gm, "")
      .replace(/^import [^;]*;/gm, "")
      .replace(/^export \{[^}]*\};?$/gm, (all) => (isShared ? "" : all.split(/, (?=type |\w)/).join(",\n  ")));
    const lines = text.split("\n").map((line) => line.trimEnd()).filter((line) => line !== "");
    return [file.replace(/-[\w-]{8}(?=\.d\.ts$)/, ""), lines.join("\n")];
  });
  return parts.toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([file, text]) => `${file}\n\n${text}\n`).join("\n");
}

for (const name of names.filter((one) => one !== "cli")) {
  test(`the types of @doclehq/${name} are those that are kept`, () => same(`${name}.txt`, typesOf(of(name))));
}

test("the commands of @doclehq/cli are those that are kept", () => {
  const help = (...args: string[]) => execFileSync(process.execPath, [join(of("cli").package, "dist", "main.js"), ...args, "--help"], { encoding: "utf8" });
  same("cli.txt", `${help()}\n${help("sandbox")}`);
});

test("packages need each other, and nothing else but what a command needs", () => {
  const needs = Object.fromEntries(names.map((name) => {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(readFileSync(join(of(name).package, "package.json"), "utf8")) as Record<string, Record<string, string>>;
    return [name, [...Object.keys(dependencies), ...Object.entries(peerDependencies).map(([peer, range]) => `${peer} ${range}`)]];
  }));
  assert.deepEqual(needs, { sdk: [], react: ["@doclehq/sdk", "react >=18"], vue: ["@doclehq/sdk", "vue >=3.3"], embed: [], "rate-limit": [], sandbox: ["@doclehq/sdk"], cli: ["@doclehq/sdk", "ignore", "ws"] });
});

for (const budget of BUDGETS) {
  test(`${budget.what} of @doclehq/${budget.name} is within ${budget.bytes} bytes`, async (context) => {
    const bytes = await weigh(budget, of(budget.name));
    context.diagnostic(`${bytes} bytes`);
    assert.ok(bytes > 0 && bytes <= budget.bytes, `${bytes} bytes`);
  });
}
