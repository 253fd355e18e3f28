//! The rules of the tree that a machine can check.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";

/** Files that git knows, with their text. */
const files = execFileSync("git", ["ls-files", "-z"], { cwd: inRoot(), encoding: "utf8" })
  .split("\0")
  .filter((path) => path !== "" && existsSync(inRoot(path)))
  .map((path) => ({ path, text: readFileSync(inRoot(path), "utf8") }));
const code = files.filter(({ path }) => /\.(rs|mjs|ts)$/.test(path));

/** Asserts that no file is an offender; says which are. */
function none(offenders: { path: string }[]) {
  assert.deepEqual(offenders.map(({ path }) => path), []);
}

test("code is there to be checked", () => assert.ok(code.length > 20));

test("a file of code has less than 400 lines", () => none(code.filter(({ text }) => text.split("\n").length > 400)));

test("a file of code opens with a sentence on what it is for", () =>
  // A command begins with the line that names its interpreter.
  none(code.map(({ path, text }) => ({ path, text: text.replace(/^#!.*\n/, "") })).filter(({ text }) => !/^\/\/! \S.*/.test(text) || !/^(\/\/!.*\n)*?\/\/!.*[.:?]\n/.test(text))));

test("lines end without blanks, and files with a line break", () =>
  none(files.filter(({ path, text }) => path !== "package-lock.json" && !path.endsWith(".woff2") && (/[ \t]$/m.test(text) || !text.endsWith("\n")) && text !== "")));

describe("a layer of the Worker imports only what lies below it", () => {
  const allowed: Record<string, string[]> = {
    http: ["http", "app", "domain", "ports"],
    app: ["app", "domain", "ports", "store", "config"],
    store: ["store", "domain", "ports"],
    objects: ["objects", "domain", "ports", "platform", "bindings"],
    platform: ["platform", "domain", "ports"],
    domain: ["domain"],
  };
  for (const [layer, below] of Object.entries(allowed)) {
    test(layer, () => {
      const offenders = code
        .filter(({ path }) => path.startsWith(`src/${layer}/`) && path.endsWith(".rs"))
        .map(({ path, text }) => ({ path, text: text.split("#[cfg(test)]")[0] ?? "" }))
        .flatMap(({ path, text }) => Array.from(text.matchAll(/\bcrate::(?:\{([^}]*)\}|(\w+))/g), ([, list, one]) => ({ path, names: list ?? one ?? "" })))
        .flatMap(({ path, names }) => names.split(",").map((name) => ({ path: `${path} → ${name.trim().split("::")[0]}`, name: name.trim().split("::")[0] ?? "" })))
        .filter(({ path, name }) => name !== "" && !below.includes(name) && !/\/tests(\.rs|\/)/.test(path));
      none(offenders);
    });
  }

  test("and the platform is named only at the edges", () => {
    const edge = /^src\/(lib\.rs|bindings(\.rs|\/)|objects\/|platform\/)/;
    none(code.filter(({ path, text }) => path.startsWith("src/") && !edge.test(path) && /\buse worker\b|\bworker::/.test(text)));
  });
});

describe("a foreign protocol uses the use cases and the API's types only", () => {
  for (const folder of ["src/http/compat/", "src/http/mcp"]) {
    test(folder, () => {
      const offenders = code
        .filter(({ path }) => path.startsWith(folder))
        .flatMap(({ path, text }) => Array.from((text.split("#[cfg(test)]")[0] ?? "").matchAll(/\bcrate::((?:ports::http_messages)|\w+)/g), ([, layer = ""]) => ({ path: `${path} → ${layer}`, layer })))
        .filter(({ layer }) => !["app", "http", "ports::http_messages"].includes(layer));
      none(offenders);
    });
  }
});

test("no code names a language but the table of languages", () => {
  // The usage of the first version of the API counts two of them by name; examples show one.
  const exempt = /^(crates\/languages\/|crates\/api\/src\/(document\/|languages\.rs|rooms\.rs)|src\/http\/routes\/usage\.rs)/;
  none(
    code
      .filter(({ path }) => path.endsWith(".rs") && !exempt.test(path) && !/(^|\/)tests(\.rs|\/)|\/examples\//.test(path))
      .filter(({ text }) => /"(python|node|javascript|typescript)"/.test((text.split("#[cfg(test)]")[0] ?? "").replace(/\/\/.*/g, ""))),
  );
});

describe("nothing belongs to one machine or one moment", () => {
  const words: [name: string, pattern: RegExp][] = [
    ["a home or work directory", /(^|[\s"'`(=:])\/(home\/\w+|Users\/\w+|root|work)\/\w/m],
    ["a private package mirror", /\b(artifactory|verdaccio|devpi|sonatype|nexus\.)/i],
    ["a private address of a registry", /registry["']?\s*[:=]\s*["']?https?:\/\/(?!registry\.npmjs\.org)/i],
    ["an emoji", /[\u{1f300}-\u{1faff}\u{2705}\u{274c}\u{2728}]/u],
    ["a merge conflict", /^(<{7}|>{7}) /m],
    ["a note to oneself", /\b(TODO|FIXME|XXX)\b/],
  ];
  // Tests speak of these words to forbid them, and print what programs print.
  const exempt = /^(tests\/|package-lock\.json|Cargo\.lock)/;
  for (const [name, pattern] of words) {
    test(name, () => none(files.filter(({ path, text }) => !exempt.test(path) && pattern.test(text))));
  }
});

test("every page is linked from README.md, or from ARCHITECTURE.md if it is about a part, and every link leads somewhere", () => {
  const textOf = (page: string) => files.find(({ path }) => path === page)?.text ?? "";
  const contents = (path: string) => textOf(path.startsWith("docs/architecture/") ? "ARCHITECTURE.md" : "README.md");
  none(files.filter(({ path }) => /^(docs\/.*|ARCHITECTURE|CONTRIBUTING)\.md$/.test(path) && !contents(path).includes(`(${path})`)));
  for (const { path, text } of files.filter(({ path }) => path.endsWith(".md"))) {
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const base = path.includes("/") ? path.replace(/[^/]+$/, "") : "";
      assert.ok(existsSync(inRoot(base, target)), `${path} links to ${target}`);
    }
  }
});

test("every file that a page names in backticks exists", () => {
  const tracked = new Set(files.map(({ path }) => path));
  const folders = new Set(files.flatMap(({ path }) => path.split("/").slice(0, -1).map((_, index, parts) => parts.slice(0, index + 1).join("/"))));
  const made = ["isolates/build"];
  none(
    files
      .filter(({ path }) => path.endsWith(".md"))
      .flatMap(({ path, text }) => Array.from(text.matchAll(/`((?:src|crates|container|isolates|scripts|tests|docs|migrations)\/[\w./-]+)`/g), ([, name = ""]) => ({ path: `${path}: ${name}`, name: name.replace(/\/$/, "") })))
      .filter(({ name }) => !tracked.has(name) && !folders.has(name) && !made.includes(name)),
  );
});
