//! What the further forms of a run cost beside a plain call: batches, judgements, detached runs, large files in and out.
//!
//! `node scripts/bench/several.ts [--record]` after `npm run build`, and a part of `npm run bench`. Each row stands beside the plain call
//! that was measured with it in turn.

import { setTimeout as pause } from "node:timers/promises";
import { Docle } from "../../tests/harness/docle.ts";
import { job, run } from "../../tests/harness/jobs.ts";
import { Platform } from "../../tests/harness/platform.ts";
import { cpuMs, runtimes } from "../setup/processes.mjs";
import { hangUp, post, textOf } from "./call.ts";
import { atOnce, inTurn, round, type Figures } from "./measure.ts";
import { report } from "./report.ts";

/** The runs of one call that are in progress at once, see src/app/runs/series.rs. */
const AT_ONCE = 4;
const PROGRAM = { lang: "python", code: "print(int(input()) ** 2)", policy: { timeoutMs: 30_000 } };
const INPUTS = Array.from({ length: 100 }, (_, index) => ({ stdin: `${index}` }));
const TEN_MEGABYTES = 10_000_000;

const table = (head: string, rows: [name: string, ...figures: (string | number)[]][]) => [`| ${head} |`, `|${head.replaceAll(/[^|]+/g, (_, at) => (at === 0 ? "---" : "---:"))}|`, ...rows.map((row) => `| ${row.join(" | ")} |`), ""];

/** A hundred runs in one call, beside a hundred calls and a hundred bare jobs of the runner at the same concurrency. */
async function measureSeries({ worker, runner }: Docle): Promise<string[]> {
  const api = `${worker.url}/api/run`;
  const inLanes = async (once: (input: { stdin: string }) => Promise<unknown>) => {
    const inputs = INPUTS.values();
    const lane = async () => {
      for (const input of inputs) await once(input);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  };
  const single = () => inLanes((input) => textOf(post(api, worker.key, { ...PROGRAM, ...input })));
  const bare = () => inLanes((input) => run(runner, job("python", PROGRAM.code, input)));
  const batch = async () => {
    const text = await textOf(post(`${api}/batch`, worker.key, { ...PROGRAM, inputs: INPUTS }));
    if (!text.includes('"stdout":"9801\\n"')) throw new Error(`a batch went wrong: ${text.slice(0, 500)}`);
  };
  const judge = async () => {
    const tests = INPUTS.map(({ stdin }) => ({ stdin, expected: `${Number(stdin) ** 2}` }));
    const text = await textOf(post(`${api}/judge`, worker.key, { ...PROGRAM, tests }));
    if (!text.includes('"verdict":"accepted"')) throw new Error(`a judgement went wrong: ${text.slice(0, 500)}`);
  };
  const [singles, batches, judgements, jobs] = (await inTurn(10, single, batch, judge, bare)) as [Figures, Figures, Figures, Figures];
  const row = (name: string, { p50, p95 }: Figures): [string, ...number[]] => [name, p50, p95, round(p50 / singles.p50)];
  return table("100 Python runs, 4 at once | p50 ms | p95 ms | of the calls", [row("100 calls", singles), row("one batch", batches), row("one judgement", judgements), row("100 jobs at the runner alone", jobs)]);
}

/** A file of ten megabytes in, as JSON and in a form, and out through its link. */
async function measureFiles({ worker }: Docle): Promise<string[]> {
  const api = `${worker.url}/api/run`;
  const bytes = Buffer.alloc(TEN_MEGABYTES - 100_000, "0123456789abcdef");
  const authorization = { authorization: `Bearer ${worker.key}` };
  const code = "import os; print(os.path.getsize('data'))";
  const policy = { timeoutMs: 30_000, memoryMB: 512 };
  const good = async (response: Response) => {
    const result = (await response.json()) as { ok?: boolean };
    if (result.ok !== true) throw new Error(`a run with a file went wrong: ${JSON.stringify(result)}`);
    return result as { artifacts?: { url: string }[] };
  };
  const small = async () => good(await fetch(api, { method: "POST", headers: authorization, body: JSON.stringify({ lang: "python", files: [{ path: "main.py", content: code }, { path: "data", content: "x" }], policy }) }));
  const asJson = async () => good(await fetch(api, { method: "POST", headers: authorization, body: JSON.stringify({ lang: "python", files: [{ path: "main.py", content: code }, { path: "data", content: bytes.toString() }], policy }) }));
  const asForm = async () => {
    const form = new FormData();
    form.set("request", JSON.stringify({ lang: "python", policy }));
    form.append("files", new Blob([code]), "main.py");
    form.append("files", new Blob([bytes]), "data");
    return good(await fetch(api, { method: "POST", headers: authorization, body: form }));
  };
  const out = async () => {
    const { artifacts } = await good(await fetch(api, { method: "POST", headers: authorization, body: JSON.stringify({ lang: "python", code: `open('data', 'wb').write(bytes(${TEN_MEGABYTES}))`, artifacts: ["data"], policy }) }));
    const file = await (await fetch(artifacts?.[0]?.url ?? "")).arrayBuffer();
    if (file.byteLength !== TEN_MEGABYTES) throw new Error(`a file came back with ${file.byteLength} bytes`);
  };
  const names = ["a run with a file of one byte", "of 10 MB, in JSON", "of 10 MB, in a form", "a run that hands 10 MB back, and the download"];
  const all = await inTurn(20, small, asJson, asForm, out);
  return table("files | p50 ms | p95 ms", all.map(({ p50, p95 }, index) => [names[index] ?? "", p50, p95]));
}

/** What a detached run costs the platform beside one that is waited for; the runner runs nothing. */
async function measureDetached(): Promise<string[]> {
  const docle = await Platform.start();
  try {
    const api = `${docle.worker.url}/api/run`;
    // A project may have 200 detached runs that have not ended.
    const [rounds, runs] = [8, 100];
    const cpu = () => runtimes().reduce((sum, pid) => sum + cpuMs(pid), 0);
    const measured = async (body: object, status: number) => {
      const once = async () => {
        const answer = await post(api, docle.worker.key, body);
        if (answer.status !== status) throw new Error(`a call was answered ${answer.status}: ${answer.text}`);
      };
      const answers: Figures[] = [];
      let before = 0;
      for (let round = -1; round < rounds; round++) {
        if (round === 0) before = cpu();
        const answer = await atOnce(runs, AT_ONCE, once);
        if (round >= 0) answers.push(answer);
        // What follows after an answer belongs to it: a detached run begins then.
        await pause(3_000);
      }
      const middle = (of: (figures: Figures) => number) => answers.map(of).toSorted((a, b) => a - b)[rounds / 2] ?? NaN;
      return { p50: middle(({ p50 }) => p50), p95: middle(({ p95 }) => p95), cpu: round((cpu() - before) / rounds / runs) };
    };
    const waited = await measured({ lang: "python", code: "print(1)" }, 200);
    const detached = await measured({ lang: "python", code: "print(1)", detach: true }, 202);
    return table("a run, 4 at once | answer p50 ms | answer p95 ms | CPU ms each", [
      ["that is waited for", waited.p50, waited.p95, waited.cpu],
      ["detached, to its end", detached.p50, detached.p95, detached.cpu],
    ]);
  } finally {
    await docle.stop();
  }
}

const docle = await Docle.start();
const rows: string[] = [];
try {
  rows.push(...(await measureSeries(docle)), ...(await measureFiles(docle)));
} finally {
  hangUp();
  await docle.stop();
}
rows.push(...(await measureDetached()));
hangUp();
report("several", rows);
