//! No two files of a crate import each other, directly or through others.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { circles, type Imports } from "./import-circles.ts";

/** Crates that are checked: the directory with the crate's root file. */
const crates = [
  "crates/languages/src",
  "crates/api/src",
  "crates/protocol/src",
  "crates/requirements/src",
  "crates/room/src",
  "crates/script/src",
  "crates/tree/src",
  "isolates/src",
  "src",
  "container/src",
  "container/jail/src",
];

/** Circles that are there already. The list only shrinks: a circle that is gone has to be removed from it. */
const known: Record<string, string[]> = {
  "container/jail/src": [
    "container/jail/src/init.rs → container/jail/src/jailer.rs → container/jail/src/init.rs",
    "container/jail/src/jailer.rs → container/jail/src/root.rs → container/jail/src/jailer.rs",
    "container/jail/src/jailer.rs → container/jail/src/zygote.rs → container/jail/src/jailer.rs",
    "container/jail/src/root.rs → container/jail/src/shared.rs → container/jail/src/root.rs",
  ],
  "container/src": [
    "container/src/jail/cgroup.rs → container/src/jail/mod.rs → container/src/jail/cgroup.rs",
    "container/src/jail/handle.rs → container/src/jail/mod.rs → container/src/jail/handle.rs",
    "container/src/jail/mod.rs → container/src/jail/probe.rs → container/src/jail/mod.rs",
    "container/src/packages/installer.rs → container/src/packages/mod.rs → container/src/packages/installer.rs",
    "container/src/server/check.rs → container/src/server/mod.rs → container/src/server/check.rs",
    "container/src/server/mod.rs → container/src/server/runs.rs → container/src/server/mod.rs",
    "container/src/server/mod.rs → container/src/server/stdin.rs → container/src/server/mod.rs",
  ],
};

const tracked = new Set(execFileSync("git", ["ls-files", "-z"], { cwd: inRoot(), encoding: "utf8" }).split("\0"));

for (const directory of crates) {
  test(`no file of ${directory} imports in a circle`, () => {
    assert.deepEqual(circles(imports(directory, readTracked)).toSorted(), (known[directory] ?? []).toSorted());
  });
}

describe("a circle is found", () => {
  const found = (files: Record<string, string>) => circles(imports("a", (path) => files[path]));

  test("between two files", () => {
    const files = { "a/lib.rs": "mod b; mod c;", "a/b.rs": "use crate::{c::{D, e}, c};", "a/c.rs": "fn g() { super::b::h() }" };
    assert.deepEqual(found(files), ["a/b.rs → a/c.rs → a/b.rs"]);
  });

  test("between a file and the one that declares it", () => {
    const files = { "a/main.rs": "mod b;", "a/b/mod.rs": "mod c; pub struct D;", "a/b/c.rs": "use super::D;" };
    assert.deepEqual(found(files), ["a/b/c.rs → a/b/mod.rs → a/b/c.rs"]);
  });

  test("between files that only a third one joins", () => {
    const files = { "a/lib.rs": "mod b;mod c;mod d;", "a/b.rs": "use crate::c;", "a/c.rs": "use crate::d;", "a/d.rs": "use crate::b;" };
    assert.deepEqual(found(files), ["a/b.rs → a/c.rs → a/d.rs → a/b.rs"]);
  });

  test("and not in comments, texts, tests and blocks that name their own file", () => {
    const files = {
      "a/lib.rs": 'mod b; #[cfg(test)] mod tests; // use b::lib\nconst C: &str = r#"crate::b"#;',
      "a/b.rs": `/// [crate::C]\nmod inner { use super::D; }\n#[cfg(test)]\nuse crate::C;\n#[cfg(test)]\nmod tests { use crate::C; fn f() {} }\nconst E: char = '"';`,
      "a/tests.rs": "use super::*;",
    };
    assert.deepEqual(found(files), []);
  });
});

function readTracked(path: string): string | undefined {
  return tracked.has(path) && existsSync(inRoot(path)) ? readFileSync(inRoot(path), "utf8") : undefined;
}

/** What the files of a crate import, from its root files on. */
function imports(directory: string, read: (path: string) => string | undefined): Imports {
  const found: Imports = new Map();
  for (const root of ["lib.rs", "main.rs"]) {
    const modules = new Map<string, { file: string; code: string }>();
    /** Adds a module and those that it declares. `own` is the directory of the modules below it. */
    const add = (path: string[], file: string, own: string) => {
      const text = read(file);
      if (text === undefined) return;
      const code = nestedAsOwn(withoutTests(withoutTexts(text)));
      modules.set(path.join("::"), { file, code });
      for (const [, name = ""] of code.matchAll(/\bmod\s+(\w+)\s*;/g)) {
        const [flat, nested] = [`${own}/${name}.rs`, `${own}/${name}/mod.rs`];
        add([...path, name], read(flat) === undefined ? nested : flat, `${own}/${name}`);
      }
    };
    add([], `${directory}/${root}`, directory);
    for (const [name, { file, code }] of modules) {
      const own = name === "" ? [] : name.split("::");
      const targets = found.get(file) ?? new Set();
      found.set(file, targets);
      const paths = Array.from(code.matchAll(/\bmod\s+(\w+)\s*;/g), ([, child = ""]) => [...own, child]).concat(named(code, own));
      for (const path of paths) {
        const target = fileOf(path, modules);
        if (target !== undefined && target !== file) targets.add(target);
      }
    }
  }
  return found;
}

/** The file of the module that an absolute path leads into. */
function fileOf(path: string[], modules: Map<string, { file: string }>): string | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const module = modules.get(path.slice(0, length).join("::"));
    if (module) return module.file;
  }
  return undefined;
}

/** Every path of the crate that the code of a module names, in `use` or in passing, from the crate's root on. */
function named(code: string, own: string[]): string[][] {
  const paths: string[][] = [];
  for (const { 0: start, index } of code.matchAll(/(?<![\w:$])(?:crate|self|super)\s*::\s*/g)) {
    // A path within braces of a `use` is part of a path that began before.
    const rest = code.slice(index + start.length);
    const first = start.startsWith("crate") ? [] : start.startsWith("self") ? own : own.slice(0, -1);
    for (const branch of branches(rest)) {
      const base = [...first];
      while (branch[0] === "super") {
        branch.shift();
        base.pop();
      }
      paths.push([...base, ...branch]);
    }
  }
  return paths;
}

/** The paths at the start of a text, with the braces of a `use` taken apart: `a::{b, c::d}` is `a::b` and `a::c::d`. */
function branches(text: string): string[][] {
  const name = /^\s*(?:(\w+)|\*)(?:\s*::\s*(?=[\w{*]))?/.exec(text);
  if (name) {
    const rest = text.slice(name[0].length);
    const goesOn = /::\s*$/.test(name[0]);
    const after = goesOn ? branches(rest) : [[]];
    return after.map((branch) => (name[1] === undefined || name[1] === "self" ? branch : [name[1], ...branch]));
  }
  if (!text.trimStart().startsWith("{")) return [[]];
  const open = text.indexOf("{");
  const list = text.slice(open + 1, closing(text, open));
  let depth = 0;
  const parts = Array.from(list).reduce<string[]>(
    (parts, char) => {
      depth += char === "{" ? 1 : char === "}" ? -1 : 0;
      if (char === "," && depth === 0) parts.push("");
      else parts[parts.length - 1] += char;
      return parts;
    },
    [""],
  );
  return parts.filter((part) => part.trim() !== "").flatMap(branches);
}

/** Code without comments and with empty texts. */
function withoutTexts(text: string): string {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\[^']+|[^'\\\n])'/g;
  return text.replace(token, (found) => (found.startsWith("/") ? "" : '""'));
}

/** Code without the items that only tests have. */
function withoutTests(code: string): string {
  const attribute = /#\[cfg\((?:test|any\(test\b[^\]]*|all\(test\b[^\]]*)\)\]/;
  for (let found = attribute.exec(code); found; found = attribute.exec(code)) {
    const rest = code.slice(found.index);
    const [end, open] = [rest.indexOf(";"), rest.indexOf("{")];
    const isBlock = open !== -1 && (end === -1 || open < end) && !/^\s*(pub\s*(\([^)]*\)\s*)?)?use\b/.test(rest.slice(found[0].length));
    const last = isBlock ? closing(rest, open) : end;
    code = code.slice(0, found.index) + rest.slice(last + 1);
  }
  return code;
}

/** Code in which the blocks `mod name { … }` name what is around them as `self`, because they are in the same file. */
function nestedAsOwn(code: string): string {
  return code.replace(/\bmod\s+\w+\s*\{/g, "\u0000$&").split("\u0000").reduce((before, part, index) => {
    if (index === 0) return part;
    const open = part.indexOf("{");
    const close = closing(part, open);
    return before + part.slice(0, open) + part.slice(open, close).replace(/\bsuper\b/g, "self") + part.slice(close);
  }, "");
}

/** Where the block ends that a brace opens. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    depth += text[at] === "{" ? 1 : text[at] === "}" ? -1 : 0;
    if (depth === 0) return at;
  }
  return text.length;
}
