//! Types cells into the REPL of Node.js itself, and writes for each what it prints, shows and fails with.

import { text } from "node:stream/consumers";
import { PassThrough } from "node:stream";
import repl from "node:repl";

const PROMPT = "\u0001";
const cells = JSON.parse(await text(process.stdin));
const write = process.stdout.write.bind(process.stdout);
let out = "";
process.stdout.write = (piece) => {
  out += piece;
  return true;
};
const [input, output] = [new PassThrough(), new PassThrough().setEncoding("utf8")];
let shown = "";
/** @type {(() => void) | undefined} */
let prompted;
output.on("data", (piece) => {
  shown += piece;
  if (shown.endsWith(PROMPT)) prompted?.();
});
/** @returns {Promise<void>} */
const next = () => new Promise((resolve) => (prompted = resolve));
const started = next();
repl.start({ input, output, prompt: PROMPT, useColors: false, terminal: false, useGlobal: true, ignoreUndefined: true });
await started;
const answers = [];
for (const code of cells) {
  [out, shown] = ["", ""];
  const ended = next();
  input.write(`${code}\n`);
  await ended;
  const said = shown.slice(0, -PROMPT.length).replace(/\n$/, "");
  const [, error = null] = /^(?:[^]*\n)?Uncaught:?\s*\[?([\w.]+)/.exec(said) ?? [];
  answers.push({ out, text: error || said === "" ? null : said, error });
}
write(JSON.stringify(answers));
process.exit(0);
