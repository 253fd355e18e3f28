//! Cells of Python beside the published IPython: what each prints, shows and fails with is the same.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { python } from "../../scripts/setup/interpreters.mjs";
import { uv } from "../../scripts/setup/paths.mjs";
import { RunnerContext } from "../harness/contexts.ts";
import { RunnerSandbox } from "../harness/sandboxes.ts";
import { asOurselves } from "../hostile/tiers.ts";
import { PYTHON_CELLS } from "./tables/python.ts";

interface Answer {
  out: string;
  shown: string[];
  text: string | null;
  error: string | null;
}

const IPYTHON = "9.18.1";
/** Cells whose answer is ours on purpose: commands have no terminal here, whose lines end otherwise. */
const OURS: Record<string, Answer> = { "!echo shell": { out: "shell\n", shown: [], text: null, error: null } };

const stage = await asOurselves();
after(() => stage.stop());

/** What IPython answers, in the Python that sandboxes have. */
function answersOfIPython(): Answer[] {
  const folder = mkdtempSync(join(tmpdir(), "docle-ipython-"));
  try {
    execFileSync(uv, ["pip", "install", "--quiet", "--target", folder, "--python", python(), `ipython==${IPYTHON}`]);
    const env = { PATH: process.env.PATH, HOME: folder, IPYTHONDIR: folder, PYTHONPATH: folder, LANG: "C.UTF-8" };
    const program = readFileSync(new URL("tables/ipython.py", import.meta.url), "utf8");
    return JSON.parse(execFileSync(python(), ["-c", program], { input: JSON.stringify(PYTHON_CELLS), env, cwd: folder, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] })) as Answer[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the table of cells has the answers of IPython", async () => {
  const expected = answersOfIPython();
  const sandbox = await RunnerSandbox.create(stage.runner);
  const context = await RunnerContext.create(sandbox, "python");
  const differences: unknown[] = [];
  for (const [index, code] of PYTHON_CELLS.entries()) {
    const cell = await context.run(code);
    assert.equal(cell.contextLost, false, code);
    const main = cell.results.length - cell.mains;
    const answer: Answer = { out: cell.out, shown: cell.texts.slice(0, main) as string[], text: (cell.texts[main] as string) ?? null, error: cell.error?.name ?? null };
    const theirs = OURS[code] ?? expected[index];
    if (JSON.stringify(answer) !== JSON.stringify(theirs)) differences.push({ code, ours: answer, theirs });
  }
  assert.deepEqual(differences, []);
  assert.ok(PYTHON_CELLS.length >= 150, `${PYTHON_CELLS.length}`);
  await sandbox.delete();
});
