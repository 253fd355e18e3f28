//! The benchmark: a run through everything, each part alone, and the bare interpreter beside them.
//!
//! The front is the Workers runtime itself (through Miniflare), never `wrangler dev`, whose proxy costs several
//! milliseconds a request. All in one process tree on one machine, so that ratios mean something where figures do not.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { cpus, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { python } from "../setup/interpreters.mjs";
import { inRoot, node, workerWasm } from "../setup/paths.mjs";
import { Docle } from "../../tests/harness/docle.ts";
import { atOnce, inTurn, round, type Figures } from "./measure.ts";
import { measureRooms } from "./rooms.ts";

const { values } = parseArgs({ options: { json: { type: "string" }, record: { type: "boolean" }, n: { type: "string", default: "200" } } });
const n = Number(values.n);
/** What stands below this line in docs/performance.md is ours. */
const MARK = "<!-- npm run bench -- --record -->\n";
const agent = new Agent({ keepAlive: true });

/** One request over a kept connection; answers with the body. Undici's fetch would cost more than some parts measured. */
function call(url: string, headers: Record<string, string>, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => void (text += part));
      response.on("end", () => (response.statusCode === 200 ? resolve(text) : reject(new Error(`${response.statusCode} from ${url}: ${text}`))));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Starts an interpreter as the machine does, without a jail, and waits for its end. */
async function bare(command: string, ...args: string[]): Promise<void> {
  await once(spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] }).on("spawn", () => undefined), "close");
}

const programs = {
  python: { code: "print(1)", entrypoint: "main.py", bare: () => bare(python(), "-c", "print(1)") },
  node: { code: "console.log(1)", entrypoint: "main.js", bare: () => bare(node, "-e", "console.log(1)") },
};

interface Language {
  bare: Figures;
  spaced: Figures;
  sequential: Figures;
  concurrent: Figures;
  runner: Figures;
  ratio: number;
  over: number;
}

async function measureLanguage(docle: Docle, lang: keyof typeof programs): Promise<Language> {
  const { code, entrypoint, bare } = programs[lang];
  const run = async () => {
    const headers = { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json" };
    const result = JSON.parse(await call(`${docle.worker.url}/api/run`, headers, JSON.stringify({ lang, code })));
    if (result.stdout !== "1\n") throw new Error(`a run went wrong: ${JSON.stringify(result)}`);
  };
  const direct = () => {
    const limits = { timeoutMs: 3_000, memoryMB: 256, maxOutputBytes: 1_048_576 };
    const job = { id: crypto.randomUUID(), language: lang, files: [{ path: entrypoint, content: code }], entrypoint, stdin: "", args: [], env: {}, packages: [], limits, network: { mode: "none" } };
    const headers = { authorization: `Bearer ${docle.runner.secret}`, "docle-protocol": "1", "content-type": "application/json" };
    return call(`${docle.runner.url}/v1/runs`, headers, JSON.stringify(job));
  };
  // In turn, so that what else the machine does meets all alike; but a pause between runs is time in which the runner
  // prepares, so the run that is compared is the one without pauses.
  const [start, runner, spaced] = (await inTurn(n, bare, direct, run)) as [Figures, Figures, Figures];
  const sequential = await atOnce(n, 1, run);
  const concurrent = await atOnce(2 * n, 8, run);
  return { bare: start, runner, spaced, sequential, concurrent, ratio: round(sequential.p50 / start.p50), over: round(sequential.p50 - start.p50) };
}

function row(name: string, figures: Figures): string {
  return `| ${[name, figures.p50, figures.p95, figures.p99, figures.perSecond].join(" | ")} |`;
}

const docle = await Docle.start();
try {
  const [worker, runnerHealth, throughObject] = (await inTurn(
    n,
    () => call(`${docle.worker.url}/`, {}),
    () => call(`${docle.runner.url}/health`, {}),
    () => call(`${docle.worker.url}/health`, {}),
  )) as [Figures, Figures, Figures];
  const languages = { python: await measureLanguage(docle, "python"), node: await measureLanguage(docle, "node") };

  const wasm = readFileSync(workerWasm);
  const size = { raw: wasm.length, gzip: gzipSync(wasm, { level: 9 }).length };
  const machine = {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    linux: release(),
    languages: (await docle.runner.health()).languages,
  };
  const table = [
    "| | p50 ms | p95 ms | p99 ms | per second |",
    "|---|---:|---:|---:|---:|",
    row("Worker alone (`GET /`)", worker),
    row("Runner alone (its `GET /health`)", runnerHealth),
    row("Worker → object → runner (`GET /health`)", throughObject),
    ...Object.entries(languages).flatMap(([name, figures]) => [
      row(`${name}: the bare interpreter`, figures.bare),
      row(`${name}: a run, at the runner`, figures.runner),
      row(`${name}: \`POST /api/run\`, with pauses`, figures.spaced),
      row(`${name}: \`POST /api/run\`, one after the other`, figures.sequential),
      row(`${name}: \`POST /api/run\`, 8 at once`, figures.concurrent),
    ]),
  ];
  const lines = [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.linux}; Python ${machine.languages.python}, Node ${machine.languages.node}; n = ${n}, ${2 * n} where 8 at once`,
    "",
    ...table,
    "",
    ...Object.entries(languages).map(([name, { ratio, over }]) => `* ${name}: a run takes ${ratio} times what the bare interpreter does (p50), a difference of ${over} ms.`),
    ...(await measureRooms(docle.worker)),
    `* WebAssembly: ${Math.round(size.raw / 1_024)} KiB, ${Math.round(size.gzip / 1_024)} KiB compressed (gzip -9).`,
  ];
  process.stdout.write(`\n${lines.join("\n")}\n`);
  if (values.record) {
    const page = inRoot("docs", "performance.md");
    const [before] = readFileSync(page, "utf8").split(MARK);
    writeFileSync(page, `${before}${MARK}\n${lines.join("\n")}\n`);
  }
  if (values.json) {
    const all = { machine, size, worker, runnerHealth, throughObject, languages };
    writeFileSync(values.json, `${JSON.stringify(all, undefined, 2)}\n`);
  }
} finally {
  agent.destroy();
  await docle.stop();
}
