//! The runner alone: what a jail costs, property by property, and what a run in it costs, warm, cold and under load.
//!
//! `node scripts/bench/runner.ts [--record]` after `npm run build runner`, and a part of `npm run bench`. The steps need
//! root; everything else runs wherever the runner does.

import { execFileSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { job, PROTOCOL, type Job, type Language } from "../../tests/harness/jobs.ts";
import { Runner } from "../../tests/harness/runner.ts";
import { until } from "../../tests/harness/until.ts";
import { inRoot } from "../setup/paths.mjs";
import { Bare } from "./bare.ts";
import { hangUp, post } from "./call.ts";
import { atOnce, figures, inTurn, round, type Figures } from "./measure.ts";
import { report } from "./report.ts";

const N = 150;
const bare = new Bare();
await bare.measure(N);
const runner = await Runner.start();

/** Sends a job. Answers with the body, and when the first output was there. */
const send = (sent: Job) => post(`${runner.url}/v1/runs`, runner.secret, sent, { "docle-protocol": PROTOCOL }, '"stdout"');

const code: Record<Language, string> = { python: "print(1)", node: "console.log(1)" };

/** One run. An argument keeps it from an interpreter that waits. */
async function run(language: Language, args: string[] = []): Promise<void> {
  const { text } = await send(job(language, code[language], { args }));
  const pieces = Array.from(text.matchAll(/"stdout","data":"([^"]*)"/g), ([, data = ""]) => Buffer.from(data, "base64").toString());
  if (pieces.join("") !== "1\n") throw new Error(`a run went wrong: ${text}`);
}

const ready = (language: Language) => until(`a ${language} waits`, async () => ((await runner.health()).ready[language] ?? 0) > 0);

/** Times a run that meets an interpreter which waits, to its end and to its first output, and one that meets none. */
async function single(language: Language): Promise<{ warm: Figures; cold: Figures; first: Figures }> {
  const times: number[] = [];
  const firsts: number[] = [];
  const [, cold] = (await inTurn(
    N,
    async () => {
      await ready(language);
      const begun = performance.now();
      await run(language);
      times.push(performance.now() - begun);
    },
    () => run(language, ["x"]),
  )) as [Figures, Figures];
  for (let i = 0; i < N / 3; i++) {
    await ready(language);
    firsts.push((await send(job(language, code[language]))).firstMs);
  }
  return { warm: figures(times), cold, first: figures(firsts) };
}

const attacks = {
  "a fork bomb": "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
  "a memory bomb": "a = []\nwhile True: a.append(bytearray(1 << 20))",
  "a flood of output": "import sys\nwhile True: sys.stdout.write('x' * 65536)",
  "an endless loop": "while True: pass",
};

/** An honest run's times while hostile ones saturate what they may have, again and again. */
async function beside(hostile: string[]): Promise<Figures> {
  let attacking = true;
  const attackers = hostile.map(async (attack) => {
    while (attacking) await send(job("python", attack, { limits: { timeoutMs: 1_000, memoryMB: 128 } }));
  });
  const honest = await atOnce(N, 1, () => run("python"));
  attacking = false;
  await Promise.all(attackers);
  return honest;
}

/** Beside nothing, beside each of them, beside all at once. */
async function besideHostile(): Promise<string[]> {
  const cases: [string, string[]][] = [["nothing", []], ...Object.entries(attacks).map(([name, attack]): [string, string[]] => [name, [attack]]), ["all four", Object.values(attacks)]];
  const rows = ["| an honest Python run beside | p50 ms | p95 ms |", "|---|---:|---:|"];
  for (const [name, hostile] of cases) {
    const { p50, p95 } = await beside(hostile);
    rows.push(`| ${name} | ${p50} | ${p95} |`);
  }
  return rows;
}

/** What each property of a jail adds to a process, by the jail's own code. */
function steps(): string[] {
  if (process.getuid?.() !== 0) return ["The steps are measured as root only."];
  execFileSync("cargo", ["build", "--quiet", "--profile", "runner", "-p", "docle-jail", "--example", "steps"], { cwd: inRoot(), stdio: "inherit" });
  const output = execFileSync(inRoot("target", "runner", "examples", "steps"), ["300"], { encoding: "utf8" });
  const times = Object.entries(JSON.parse(output) as Record<string, number[]>);
  const at = (sorted: number[], share: number) => round((sorted[Math.floor(sorted.length * share)] ?? NaN) / 1_000);
  return [
    "| a process with, one after the other | min ms | p50 ms | p95 ms |",
    "|---|---:|---:|---:|",
    ...times.map(([name, sorted]) => `| ${name.replace(/^\d+ /, "")} | ${at(sorted, 0)} | ${at(sorted, 0.5)} | ${at(sorted, 0.95)} |`),
  ];
}

const languages: Language[] = ["python", "node"];

/** One run at a time, and as many as fit into a second, of each language. */
async function runs() {
  const all = [];
  for (const language of languages) {
    const times = await single(language);
    const perSecond: number[] = [];
    for (const concurrency of [1, 4, 16]) perSecond.push((await atOnce(N * 2, concurrency, () => run(language))).perSecond);
    all.push({ language, ...times, perSecond });
  }
  return all;
}

/** The rows of both tables, beside the bare interpreters. */
function rowsOf(measured: Awaited<ReturnType<typeof runs>>): { single: string[]; many: string[] } {
  const single = measured.flatMap(({ language, warm, first, cold }) => {
    const start = bare.of(language);
    const row = (name: string, { p50, p95 }: Figures) => `| ${language}: ${name} | ${p50} | ${p95} | ${round(p50 / start.p50)} |`;
    return [row("the bare interpreter", start), row("a run that meets one that waits", warm), row("the same, to its first byte of output", first), row("a run that meets none", cold)];
  });
  const many = measured.map(({ language, perSecond }) => `| ${language} | ${[...perSecond, round(bare.perSecond(language))].join(" | ")} |`);
  return { single, many };
}

try {
  const { waiting, waitingMB } = await runner.health();
  const measured = await runs();
  const neighbours = await besideHostile();
  const counts = Object.entries(waiting).map(([language, count]) => `${count} ${language}`);
  await runner.stop();
  await bare.measure(N);
  const { single, many } = rowsOf(measured);
  report("the runner", [
    ...steps(),
    "",
    "| a run at the runner | p50 ms | p95 ms | of the bare start |",
    "|---|---:|---:|---:|",
    ...single,
    "",
    "| runs a second | 1 at once | 4 | 16 | bare starts, 2 at once |",
    "|---|---:|---:|---:|---:|",
    ...many,
    "",
    ...neighbours,
    "",
    `* Interpreters that wait after the start: ${counts.join(", ")}; they hold ${waitingMB ?? "?"} MiB together, their spawners included.`,
  ]);
} finally {
  hangUp();
  await runner.stop();
}
