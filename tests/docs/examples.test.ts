//! README.md and docs/: every example is executed against the real thing.
//!
//! A `bash` block with curl is pasted into a shell. The block after it, if it is `json` or `text`, is what it answers:
//! each field shown must be there, and `…` stands for anything. A `json` block elsewhere is the body of a run that
//! must succeed; one marked `json part` is not executed. A `js` block with the block `text` after it is a program for Node
//! that prints that.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { Docle } from "../harness/docle.ts";
import { GitServer } from "../harness/git-server.ts";
import { whyNoLanguages } from "../harness/languages.ts";
import { Isolates } from "../harness/isolates.ts";

// Stands in for github.com.
const git = await GitServer.start();
git.repository("owner/name").commit({
  "main.py": "from words import greeting\nprint(greeting)",
  "words.py": "greeting = 'hello'",
  "examples/main.py": "print('hello')",
});
process.env.DOCLE_REPOSITORY_HOSTS = git.host;
const isolates = await Isolates.start();
const docle = await Docle.start(isolates.vars);
after(() => Promise.all([docle.stop(), isolates.stop(), git.stop()]));

interface Block {
  info: string;
  text: string;
}

function blocks(path: string): Block[] {
  const fenced = readFileSync(inRoot(path), "utf8").matchAll(/^```(.*)\n([^]*?)^```$/gm);
  return Array.from(fenced, ([, info = "", text = ""]) => ({ info, text }));
}

async function paste(command: string): Promise<string> {
  const hosts = command.replaceAll("http://localhost:8787", docle.worker.url).replaceAll("https://github.com/owner/", git.url("owner/"));
  const ours = hosts.replaceAll("curl ", "curl -sS ");
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", ours], { env: { ...process.env, DOCLE_KEY: docle.worker.key } });
  return stdout;
}

async function execute(program: string): Promise<string> {
  const ours = program.replaceAll("localhost:8787", docle.worker.url.replace("http://", ""));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", ours], { env: { ...process.env, DOCLE_KEY: docle.worker.key } });
  return stdout;
}

/** Whether `actual` has everything that `shown` has; `"…"` stands for anything. */
function assertShown(shown: unknown, actual: unknown, at = "$"): void {
  if (shown === "…") return assert.notEqual(actual, undefined, at);
  if (typeof shown !== "object" || shown === null) return assert.deepEqual(actual, shown, at);
  if (Array.isArray(shown)) assert.equal((actual as unknown[]).length, shown.length, at);
  for (const [name, value] of Object.entries(shown)) assertShown(value, (actual as Record<string, unknown>)[name], `${at}.${name}`);
}

function assertText(shown: string, actual: string): void {
  const escaped = shown.trim().split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  assert.match(actual.trim(), new RegExp(`^${escaped.join("[^]*?")}$`));
}

const pages = ["README.md", ...readdirSync(inRoot("docs")).map((name) => `docs/${name}`)].filter((path) => path.endsWith(".md"));
for (const page of pages) {
  // Its programs need what this machine may not be able to install.
  describe(page, { skip: page === "docs/languages.md" && whyNoLanguages() }, () => {
    const all = blocks(page);
    all.forEach(({ info, text }, index) => {
      const [before, next] = [all[index - 1], all[index + 1]];
      const name = `${info}: ${text.trim().split("\n")[0]?.slice(0, 60)}`;
      if (info === "bash" && text.includes("curl ")) {
        test(name, async () => {
          const answer = await paste(text);
          if (next?.info === "json") assertShown(JSON.parse(next.text), JSON.parse(answer));
          else if (next?.info === "text") assertText(next.text, answer);
          else assert.notEqual(answer, "");
        });
      } else if (info === "js" && next?.info === "text") {
        test(name, async () => assertText(next.text, await execute(text)));
      } else if (info === "json" && !(before?.info === "bash" && before.text.includes("curl "))) {
        test(name, async () => assert.equal((await docle.run(text)).ok, true));
      }
    });
  });
}
