//! Telling what was measured, on the screen and in docs/performance.md.

import { readFileSync, writeFileSync } from "node:fs";
import { inRoot } from "../setup/paths.mjs";

/** Prints `lines`. With `--record` they also replace what stands between the comments with this name in the page. */
export function report(name: string, lines: string[]): void {
  const text = lines.join("\n").trim();
  process.stdout.write(`\n${text}\n`);
  if (!process.argv.includes("--record")) return;
  const page = inRoot("docs", "performance.md");
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->\n`];
  const [before, rest] = halves(readFileSync(page, "utf8"), begin);
  const [, after] = halves(rest, end);
  writeFileSync(page, `${before}${begin}\n${text}\n\n${end}${after}`);
}

function halves(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`docs/performance.md has no line ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
