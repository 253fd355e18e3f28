//! The benchmark: a run through everything, each part alone, and the bare interpreter beside them.
//!
//! The front is the Workers runtime itself (through Miniflare), never `wrangler dev`, whose proxy costs several
//! milliseconds a request. All in one process tree on one machine, so that ratios mean something where figures do not.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { workerWasm } from "../setup/paths.mjs";
import { Docle } from "../../tests/harness/docle.ts";
import { PROTOCOL } from "../../tests/harness/jobs.ts";
import { Bare } from "./bare.ts";
import { call, hangUp, post, textOf } from "./call.ts";
import { atOnce, inTurn, round, type Figures } from "./measure.ts";
import { report } from "./report.ts";
import { measureRooms } from "./rooms.ts";

const { values } = parseArgs({ options: { json: { type: "string" }, record: { type: "boolean" }, n: { type: "string", default: "200" } } });
const n = Number(values.n);

const programs = {
  python: { code: "print(1)", entrypoint: "main.py" },
  node: { code: "console.log(1)", entrypoint: "main.js" },
};

interface Language {
  spaced: Figures;
  sequential: Figures;
  concurrent: Figures;
  runner: Figures;
}

async function measureLanguage(docle: Docle, lang: keyof typeof programs): Promise<Language> {
  const { code, entrypoint } = programs[lang];
  const run = async () => {
    const text = await textOf(post(`${docle.worker.url}/api/run`, docle.worker.key, { lang, code }));
    if ((JSON.parse(text) as { stdout: string }).stdout !== "1\n") throw new Error(`a run went wrong: ${text}`);
  };
  const direct = () => {
    const limits = { timeoutMs: 3_000, memoryMB: 256, maxOutputBytes: 1_048_576 };
    const job = { id: crypto.randomUUID(), language: lang, files: [{ path: entrypoint, content: code }], entrypoint, stdin: "", args: [], env: {}, packages: [], limits, network: { mode: "none" } };
    return textOf(post(`${docle.runner.url}/v1/runs`, docle.runner.secret, job, { "docle-protocol": PROTOCOL }));
  };
  // In turn, so that what else the machine does meets all alike; but a pause between runs is time in which the runner
  // prepares, so the run that is compared is the one without pauses.
  const [runner, spaced] = (await inTurn(n, direct, run)) as [Figures, Figures];
  const sequential = await atOnce(n, 1, run);
  const concurrent = await atOnce(2 * n, 8, run);
  return { runner, spaced, sequential, concurrent };
}

function row(name: string, figures: Figures): string {
  return `| ${[name, figures.p50, figures.p95, figures.p99, figures.perSecond].join(" | ")} |`;
}

/** Everything that a service measures. */
async function measureService() {
  const docle = await Docle.start();
  try {
    const [worker, runner, throughObject] = (await inTurn(
      n,
      () => textOf(call(`${docle.worker.url}/`, {})),
      () => textOf(call(`${docle.runner.url}/health`, {})),
      () => textOf(call(`${docle.worker.url}/health`, {})),
    )) as [Figures, Figures, Figures];
    const runs = { python: await measureLanguage(docle, "python"), node: await measureLanguage(docle, "node") };
    const { languages } = await docle.runner.health();
    return { health: { worker, runner, throughObject }, runs, versions: languages, rooms: await measureRooms(docle.worker) };
  } finally {
    hangUp();
    await docle.stop();
  }
}

const bare = new Bare();
await bare.measure(n);
const { health, runs, versions, rooms } = await measureService();
await bare.measure(n);

const languages = Object.entries(runs).map(([name, figures]) => {
  const start = bare.of(name as keyof typeof programs);
  const { p50 } = figures.sequential;
  return { name, bare: start, ...figures, ratio: round(p50 / start.p50), over: round(p50 - start.p50) };
});
const wasm = readFileSync(workerWasm);
const size = { raw: wasm.length, gzip: gzipSync(wasm, { level: 9 }).length };
const machine = {
  processor: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  linux: release(),
  languages: versions,
};
report("runs", [
  `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.linux}; Python ${versions.python}, Node ${versions.node}; n = ${n}, ${2 * n} where 8 at once and for the bare interpreters`,
  "",
  "| | p50 ms | p95 ms | p99 ms | per second |",
  "|---|---:|---:|---:|---:|",
  row("Worker alone (`GET /`)", health.worker),
  row("Runner alone (its `GET /health`)", health.runner),
  row("Worker → object → runner (`GET /health`)", health.throughObject),
  ...languages.flatMap(({ name, ...figures }) => [
    row(`${name}: the bare interpreter`, figures.bare),
    row(`${name}: a run, at the runner`, figures.runner),
    row(`${name}: \`POST /api/run\`, with pauses`, figures.spaced),
    row(`${name}: \`POST /api/run\`, one after the other`, figures.sequential),
    row(`${name}: \`POST /api/run\`, 8 at once`, figures.concurrent),
  ]),
  "",
  ...languages.map(({ name, ratio, over }) => `* ${name}: a run takes ${ratio} times what the bare interpreter does (p50), a difference of ${over} ms.`),
  ...rooms,
  `* WebAssembly: ${Math.round(size.raw / 1_024)} KiB, ${Math.round(size.gzip / 1_024)} KiB compressed (gzip -9).`,
]);
if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, size, health, languages }, undefined, 2)}\n`);
