//! What a container costs: cold, warm, again after a sleep, many at once; beside it the same through a runner outside.
//!
//! `node scripts/bench/containers.ts` after `npm run build`, where a container engine is. Containers are granted what the
//! platform's own tools grant them, so that both runners make the same jails.

import type { Agent } from "node:http";
import { performance } from "node:perf_hooks";
import { Docle } from "../../tests/harness/docle.ts";
import { PROTOCOL } from "../../tests/harness/jobs.ts";
import { hangUp, IntoContainer, post, textOf } from "./call.ts";
import { echo } from "./echo.ts";
import { atOnce, inTurn, round, type Figures } from "./measure.ts";
import { report } from "./report.ts";

/** One run through the Worker. The first event of its stream says that it has a slot; the second is the program's. */
async function run(docle: Docle, key = docle.worker.key, accept = "application/json") {
  const answer = await post(`${docle.worker.url}/api/run`, key, { lang: "python", code: "print('hello')" }, { accept }, "hello");
  if (answer.status !== 200 || answer.firstMs === 0) throw new Error(`a run went wrong: ${answer.text}`);
  return answer;
}

/** The same job at a runner itself. */
async function direct(url: string, secret: string, by?: Agent) {
  const limits = { timeoutMs: 3_000, memoryMB: 256, maxOutputBytes: 1_048_576 };
  const files = [{ path: "main.py", content: "print('hello')" }];
  const job = { id: crypto.randomUUID(), language: "python", files, entrypoint: "main.py", stdin: "", args: [], env: {}, packages: [], limits, network: { mode: "none" } };
  await textOf(post(`${url}/v1/runs`, secret, job, { "docle-protocol": PROTOCOL }, undefined, by));
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
  const end = () => docle.worker.pool("pool:proj_dev", "destroy");
  const first = await timed(() => run(docle));
  const again: number[] = [];
  for (let times = 0; times < 7; times++) {
    await end();
    again.push(await timed(() => run(docle)));
  }
  const keys = Array.from({ length: 8 }, () => docle.worker.newKey());
  for (const [index, key] of keys.entries()) await docle.addProject(`proj_${index}`, key);
  const begun = performance.now();
  const eight = await Promise.all(keys.map(async (key) => (await run(docle, key), performance.now() - begun)));
  for (const index of keys.keys()) await docle.worker.pool(`pool:proj_${index}`, "destroy");
  return { first, again: round(median(again)), eightFirst: round(Math.min(...eight)), eightLast: round(Math.max(...eight)) };
}

/** Warm runs through the Worker, beside the runner alone, and that by the runtime's way where there is one. */
async function warm(docle: Docle, url: string, secret: string, way?: Agent) {
  const stream = async () => void firsts.push((await run(docle, undefined, "text/event-stream")).firstMs);
  const firsts: number[] = [];
  const figures = await inTurn(150, () => direct(url, secret), () => direct(url, secret, way), () => run(docle));
  const [alone, byTheWay, through] = figures as [Figures, Figures, Figures];
  await inTurn(50, stream);
  const eight = await atOnce(200, 8, () => run(docle));
  const typed = await echo(docle.worker.url, docle.worker.key);
  return { alone, byTheWay, through, eight, firstByte: round(median(firsts)), typed };
}

const contained = await Docle.contained({}, { grants: "platform" });
const outside = await Docle.start();
try {
  const cold = await starts(contained);
  await run(contained);
  const [box] = contained.containers.running();
  if (!box) throw new Error("no container runs");
  const way = new IntoContainer(contained.containers.published(box));
  const inside = await warm(contained, contained.containers.address(box), contained.hidden().secret, way);
  way.destroy();
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
    row("the same by the runtime's way into a container, p50", inside.byTheWay.p50, "–"),
    both("a warm run, p50", ({ through }) => through.p50),
    both("a warm run, p95", ({ through }) => through.p95),
    both("the way there and back, p50", ({ alone, through }) => round(through.p50 - alone.p50)),
    both("first byte of a stream's output, p50", ({ firstByte }) => firstByte),
    both("a line typed and echoed through a WebSocket, p50", ({ typed }) => typed),
    both("warm runs a second, 8 at once", ({ eight }) => eight.perSecond),
    "",
    `The image has ${Math.round(image / 1e6)} MB. \`GET /health\`, which wakes nothing, took ${health} ms.`,
  ];
  report("containers", lines);
} finally {
  hangUp();
  await contained.stop();
  await outside.stop();
}
