//! What a script costs, beside the same as a run: the isolate tier as `npm start` runs it, through the whole service.
//!
//! `node scripts/bench/isolates.ts [--record]`; the benchmark does the same.

import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { gzipSync } from "node:zlib";
import { Docle } from "../../tests/harness/docle.ts";
import { Isolates } from "../../tests/harness/isolates.ts";
import { inRoot, isolatesWasm } from "../setup/paths.mjs";
import { atOnce, inTurn, round, type Figures } from "./measure.ts";

const [BEGIN, END] = ["<!-- isolates -->", "<!-- end of isolates -->"];
const N = 200;
const agent = new Agent({ keepAlive: true });

/** Sends JSON and reads the answer; fetch of Node's own takes longer than what is measured here. */
function post(url: string, key: string, body: unknown): Promise<{ success?: boolean; ok?: boolean }> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const sent = request(url, { method: "POST", headers, agent }, (response) => {
      let answer = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk));
      response.on("end", () => (response.statusCode === 200 ? resolve(JSON.parse(answer)) : reject(new Error(answer))));
    });
    sent.on("error", reject).end(text);
  });
}

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
  const execute = (code: string, language = "javascript") => async () => {
    const { success } = await post(`${docle.worker.url}/execute`, docle.worker.key, { code, language });
    if (success !== true) throw new Error(`${code} failed`);
  };
  const fresh = () => execute(`return 1 + 1 + ${number++}`)();
  const same = execute("return 1 + 1");
  const typescript = execute(`${LINES}\nreturn total0([item0])`, "typescript");
  const validate = async () => void (await post(`${docle.worker.url}/validate`, docle.worker.key, { code: "return 1 + 1" }));
  const run = (body: unknown) => async () => {
    const { ok } = await post(`${docle.worker.url}/api/run`, docle.worker.key, body);
    if (ok !== true) throw new Error("a run failed");
  };
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
  process.stdout.write(`${lines.join("\n")}\n`);
  if (process.argv.includes("--record")) {
    const page = inRoot("docs", "performance.md");
    const text = readFileSync(page, "utf8");
    const [before, after] = [text.split(BEGIN)[0] ?? "", text.split(END)[1] ?? ""];
    writeFileSync(page, `${before}${BEGIN}\n\n${lines.join("\n")}\n\n${END}${after}`);
  }
} finally {
  agent.destroy();
  await docle.stop();
  await isolates.stop();
}
