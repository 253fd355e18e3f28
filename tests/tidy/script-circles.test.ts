//! No two files of TypeScript, JavaScript or Vue import each other, directly or through others.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { circles, type Imports } from "./import-circles.ts";

const isScript = (path: string) => /\.(ts|mjs|js|vue)$/.test(path) && !path.endsWith(".d.ts");

/** The files that each file imports. An import that waits until it is called, as that of a page, makes no circle. */
function imports(files: Map<string, string>): Imports {
  return new Map(
    Array.from(files, ([path, text]) => {
      const named = Array.from(text.matchAll(/(?<=^|\n)\s*(?:import|export)\b[^;"']*?["'](\.{1,2}\/[^"']+)["']/g), ([, target = ""]) => join(dirname(path), target));
      return [path, new Set(named.filter((target) => files.has(target)))];
    }),
  );
}

test("no file imports in a circle", () => {
  const paths = execFileSync("git", ["ls-files", "-z"], { cwd: inRoot(), encoding: "utf8" }).split("\0").filter(isScript);
  const found = imports(new Map(paths.map((path) => [path, readFileSync(inRoot(path), "utf8")])));
  assert.ok([...found.values()].reduce((sum, targets) => sum + targets.size, 0) > 1000, "imports are there to be checked");
  assert.deepEqual(circles(found), []);
});

test("a circle is found, and a page that is loaded when it is shown is none", () => {
  const found = imports(
    new Map([
      ["a/b.ts", 'import { c } from "./c.ts";\nimport type { D } from "../d.vue";'],
      ["a/c.ts", 'export { d } from "../d.vue";'],
      ["d.vue", '<script setup lang="ts">\nimport {\n  b,\n} from "./a/b.ts";\n</script>'],
      ["e.ts", 'const page = () => import("./f.ts");'],
      ["f.ts", 'import "./e.ts";'],
    ]),
  );
  assert.deepEqual(circles(found), ["a/b.ts → d.vue → a/b.ts"]);
});
