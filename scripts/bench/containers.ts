//! What a container costs: cold, warm, again after a sleep, many at once; beside it the same through a runner outside.
//!
//! `node scripts/bench/containers.ts` after `npm run build`, where a container engine is. Containers are granted what the
//! platform's own tools grant them, so that both runners make the same jails.

import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { Docle } from "../../tests/harness/docle.ts";
import { newKey } from "../setup/development.mjs";
import { inRoot } from "../setup/paths.mjs";
import { atOnce, inTurn, round, type Figures } from "./measure.ts";

/** What stands between these lines in docs/performance.md is ours. */
const [BEGIN, END] = ["<!-- containers -->", "<!-- end of containers -->"];
const agent = new Agent({ keepAlive: true });

/** Sends a request over a kept connection. Answers with the body, and how long its first byte took. */
function call(url: string, headers: Record<string, string>, body?: string): Promise<{ text: string; firstMs: number }> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let [text, firstMs] = ["", 0];
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        // The first event says that the run has its place; the second is the program's.
        if (firstMs === 0 && text.includes("hello")) firstMs = performance.now() - begun;
      });
      response.on("end", () => (response.statusCode === 200 ? resolve({ text, firstMs }) : reject(new Error(`${response.statusCode} from ${url}: ${text}`))));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const program = JSON.stringify({ lang: "python", code: "print('hello')" });

/** One run through the Worker. */
async function run(docle: Docle, key = docle.worker.key, accept = "application/json") {
  const answer = await call(`${docle.worker.url}/api/run`, { authorization: `Bearer ${key}`, "content-type": "application/json", accept }, program);
  if (!answer.text.includes("hello")) throw new Error(`a run went wrong: ${answer.text}`);
  return answer;
}

/** The same job at a runner itself. */
async function direct(url: string, secret: string) {
  const limits = { timeoutMs: 3_000, memoryMB: 256, maxOutputBytes: 1_048_576 };
  const files = [{ path: "main.py", content: "print('hello')" }];
  const job = { id: crypto.randomUUID(), language: "python", files, entrypoint: "main.py", stdin: "", args: [], env: {}, packages: [], limits, network: { mode: "none" } };
  await call(`${url}/v1/runs`, { authorization: `Bearer ${secret}`, "docle-protocol": "1", "content-type": "application/json" }, JSON.stringify(job));
}

/** How long something takes once, in milliseconds. */
async function timed(what: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await what();
  return round(performance.now() - begun);
}

const median = (times: number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;

/** Cold starts: of a first container, of one that slept, of eight projects' at once. */
async function starts(docle: Docle) {
  const end = () => docle.worker.sandbox("project:proj_dev", { type: "destroy" });
  const first = await timed(() => run(docle));
  const again: number[] = [];
  for (let times = 0; times < 7; times++) {
    await end();
    again.push(await timed(() => run(docle)));
  }
  const keys = Array.from({ length: 8 }, newKey);
  for (const [index, key] of keys.entries()) await docle.addProject(`proj_${index}`, key);
  const begun = performance.now();
  const eight = await Promise.all(keys.map(async (key) => (await run(docle, key), performance.now() - begun)));
  for (const index of keys.keys()) await docle.worker.sandbox(`project:proj_${index}`, { type: "destroy" });
  return { first, again: round(median(again)), eightFirst: round(Math.min(...eight)), eightLast: round(Math.max(...eight)) };
}

/** Warm runs through the Worker, beside the runner alone. */
async function warm(docle: Docle, url: string, secret: string) {
  const stream = async () => void firsts.push((await run(docle, undefined, "text/event-stream")).firstMs);
  const firsts: number[] = [];
  const [alone, through] = (await inTurn(150, () => direct(url, secret), () => run(docle))) as [Figures, Figures];
  await inTurn(50, stream);
  const eight = await atOnce(200, 8, () => run(docle));
  return { alone, through, eight, firstByte: round(median(firsts)) };
}

const contained = await Docle.contained({}, { grants: "platform" });
const outside = await Docle.start();
try {
  const cold = await starts(contained);
  await run(contained);
  const [box] = contained.containers.running();
  if (!box) throw new Error("no container runs");
  const inside = await warm(contained, contained.containers.address(box), contained.hidden().secret);
  const beside = await warm(outside, outside.runner.url, outside.runner.secret);
  const image = Number(contained.containers.docker("image", "inspect", "--format", "{{.Size}}", contained.containers.settings.image));
  const health = await timed(() => contained.fetch("/health"));

  const row = (name: string, ...figures: (number | string)[]) => `| ${[name, ...figures].join(" | ")} |`;
  const both = (name: string, figure: (measured: typeof inside) => number) => row(name, figure(inside), figure(beside));
  const lines = [
    "| ms | in a container | at `SANDBOX_URL` |",
    "|---|---:|---:|",
    row("a first run: container, runner and program", cold.first, "–"),
    row("a run after a sleep (p50 of 7)", cold.again, "–"),
    row("eight projects' first runs at once: the first, the last", `${cold.eightFirst}, ${cold.eightLast}`, "–"),
    both("a warm run, at the runner itself, p50", ({ alone }) => alone.p50),
    both("a warm run, p50", ({ through }) => through.p50),
    both("a warm run, p95", ({ through }) => through.p95),
    both("the way there and back, p50", ({ alone, through }) => round(through.p50 - alone.p50)),
    both("first byte of a stream's output, p50", ({ firstByte }) => firstByte),
    both("warm runs a second, 8 at once", ({ eight }) => eight.perSecond),
    "",
    `The image has ${Math.round(image / 1e6)} MB. \`GET /health\`, which wakes nothing, took ${health} ms.`,
  ];
  process.stdout.write(`\n${lines.join("\n")}\n`);
  if (process.argv.includes("--record")) {
    const page = inRoot("docs", "performance.md");
    const text = readFileSync(page, "utf8");
    const [before, after] = [text.split(BEGIN)[0] ?? "", text.split(END)[1] ?? ""];
    writeFileSync(page, `${before}${BEGIN}\n\n${lines.join("\n")}\n\n${END}${after}`);
  }
} finally {
  agent.destroy();
  await contained.stop();
  await outside.stop();
}
