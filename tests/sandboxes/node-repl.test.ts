//! Cells of JavaScript beside the REPL of Node.js: what each prints, shows and fails with is the same.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";
import { node } from "../../scripts/setup/paths.mjs";
import { RunnerContext } from "../harness/contexts.ts";
import { RunnerSandbox } from "../harness/sandboxes.ts";
import { asOurselves } from "../hostile/tiers.ts";
import { JAVASCRIPT_CELLS } from "./tables/javascript.ts";

interface Answer {
  out: string;
  text: string | null;
  error: string | null;
}

/** Cells whose answer is ours on purpose: names may be declared again, as in a notebook. */
const OURS: Record<string, Answer> = {
  "const x = 6": { out: "", text: null, error: null },
  "x + 1": { out: "", text: "7", error: null },
  "x; x": { out: "", text: "6", error: null },
  "x;": { out: "", text: "6", error: null },
  "class P { }": { out: "", text: null, error: null },
  "new P()": { out: "", text: "P {}", error: null },
};

const stage = await asOurselves();
after(() => stage.stop());

for (const language of ["javascript", "typescript"]) {
  test(`the table of cells has the answers of the REPL in ${language}`, async () => {
    const program = fileURLToPath(new URL("tables/repl.mjs", import.meta.url));
    const expected = JSON.parse(execFileSync(node, [program], { input: JSON.stringify(JAVASCRIPT_CELLS), cwd: "/", encoding: "utf8" })) as Answer[];
    const sandbox = await RunnerSandbox.create(stage.runner);
    const context = await RunnerContext.create(sandbox, language);
    const differences: unknown[] = [];
    for (const [index, code] of JAVASCRIPT_CELLS.entries()) {
      const cell = await context.run(code);
      assert.equal(cell.contextLost, false, code);
      const answer: Answer = { out: cell.out, text: (cell.texts[0] as string) ?? null, error: cell.error?.name ?? null };
      const theirs = OURS[code] ?? expected[index];
      if (JSON.stringify(answer) !== JSON.stringify(theirs)) differences.push({ code, ours: answer, theirs });
    }
    assert.deepEqual(differences, []);
    assert.ok(JAVASCRIPT_CELLS.length >= 150, `${JAVASCRIPT_CELLS.length}`);
    await sandbox.delete();
  });
}
