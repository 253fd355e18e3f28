//! What a script costs, beside the same as a run: the isolate tier as `npm start` runs it, through the whole service.
//!
//! `node scripts/bench/isolates.ts [--record]`; the benchmark does the same.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Docle } from "../../tests/harness/docle.ts";
import { Isolates } from "../../tests/harness/isolates.ts";
import { isolatesWasm } from "../setup/paths.mjs";
import { hangUp, post, textOf } from "./call.ts";
import { atOnce, inTurn, round, type Figures } from "./measure.ts";
import { report } from "./report.ts";

const N = 200;

/** Two hundred lines of TypeScript, as people write them. */
const LINES = Array.from({ length: 40 }, (_, index) => `
interface Item${index} { id: number; name: string; tags?: string[] }
const item${index}: Item${index} = { id: ${index}, name: 'item ${index}' }
function total${index}(items: readonly Item${index}[], by: (item: Item${index}) => number = (item) => item.id): number {
  return items.reduce((sum: number, item) => sum + by(item), 0) }`).join("");

const isolates = await Isolates.start();
const docle = await Docle.start(isolates.vars);
try {
  let number = 0;
  /** Posts and expects the answer to say that it went well. */
  const ask = async (path: string, body: unknown, good: string) => {
    const text = await textOf(post(`${docle.worker.url}${path}`, docle.worker.key, body));
    if ((JSON.parse(text) as Record<string, unknown>)[good] !== true) throw new Error(`${path} went wrong: ${text}`);
  };
  const execute = (code: string, language = "javascript") => () => ask("/execute", { code, language }, "success");
  const fresh = () => execute(`return 1 + 1 + ${number++}`)();
  const same = execute("return 1 + 1");
  const typescript = execute(`${LINES}\nreturn total0([item0])`, "typescript");
  const validate = () => ask("/validate", { code: "return 1 + 1" }, "valid");
  const run = (body: unknown) => () => ask("/api/run", body, "ok");
  const node = run({ lang: "node", code: "console.log(1 + 1)" });
  const python = run({ lang: "python", code: "print(1 + 1)" });

  const [validated, one, again, long] = (await inTurn(N, validate, fresh, same, typescript)) as [Figures, Figures, Figures, Figures];
  const eight = await atOnce(2 * N, 8, fresh);
  const eightNode = await atOnce(N, 8, node);
  const eightPython = await atOnce(N, 8, python);

  const wasm = readFileSync(isolatesWasm);
  const kib = (bytes: number) => Math.round(bytes / 1_024);
  const row = (name: string, { p50, p95, perSecond }: Figures) => `| ${[name, p50, p95, perSecond].join(" | ")} |`;
  const times = (other: Figures) => round(eight.perSecond / other.perSecond);
  const lines = [
    "| | p50 ms | p95 ms | per second |",
    "|---|---:|---:|---:|",
    row("`POST /execute` of `return 1 + 1`, new code each time", one),
    row("the same code again", again),
    row("TypeScript of 200 lines", long),
    row("`POST /validate`", validated),
    row("`POST /execute`, new code each time, 8 at once", eight),
    row("`POST /api/run` of the same in Node, 8 at once", eightNode),
    row("`POST /api/run` of the same in Python, 8 at once", eightPython),
    "",
    `The isolate Worker's WebAssembly has ${kib(wasm.length)} KiB, ${kib(gzipSync(wasm, { level: 9 }).length)} KiB compressed (gzip -9).`,
    "",
    `At 8 at once, ${times(eightNode)} times as many scripts as runs in Node finish, and ${times(eightPython)} times as many as in Python.`,
  ];
  report("isolates", lines);
} finally {
  hangUp();
  await docle.stop();
  await isolates.stop();
}
