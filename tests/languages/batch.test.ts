//! Batches and judgements of compiled programs: each program is compiled once.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle, type RunResult } from "../harness/docle.ts";
import { whyNoLanguages } from "../harness/languages.ts";

assert.equal(whyNoLanguages(), undefined);
const docle = await Docle.start();
after(() => docle.stop());

const policy = { timeoutMs: 20_000 };
const square = '#include <stdio.h>\nint main(void) { int n; if (scanf("%d", &n) != 1) return 1; printf("%d\\n", n * n); }\n';

async function post<T>(path: string, body: object): Promise<T> {
  const headers = { authorization: `Bearer ${docle.worker.key}` };
  const answer = await docle.fetch(path, { method: "POST", headers, body: JSON.stringify({ policy, ...body }) });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as T;
}

/** How many of these runs have used processor time for a compilation. */
const compilations = (runs: RunResult[]) => runs.filter(({ compile }) => (compile?.cpuMs ?? 0) > 0).length;

test("a program with twenty inputs is compiled once, and each run has its own input", async () => {
  const inputs = Array.from({ length: 20 }, (_, n) => ({ stdin: `${n}` }));
  const { results } = await post<{ results: { result: RunResult }[] }>("/api/run/batch", { lang: "c", code: square, inputs });
  const runs = results.map(({ result }) => result);
  assert.deepEqual(runs.map(({ stdout }) => stdout), inputs.map((_, n) => `${n * n}\n`));
  assert.equal(compilations(runs), 1);
  assert.ok(runs.every(({ compile }) => compile?.exitCode === 0));
});

test("two calls with the same program share nothing", async () => {
  const inputs = [{ stdin: "3" }];
  for (let call = 0; call < 2; call++) {
    const { results } = await post<{ results: { result: RunResult }[] }>("/api/run/batch", { lang: "c", code: square, inputs });
    assert.equal(compilations(results.map(({ result }) => result)), 1);
  }
});

test("a program and a checker in C are each compiled once, and a test has the time of its program alone", async () => {
  const checker = '#include <stdio.h>\nint main(int n, char **a) { int in, out; FILE *i = fopen(a[1], "r"), *o = fopen(a[2], "r"); if (!i || !o || fscanf(i, "%d", &in) != 1 || fscanf(o, "%d", &out) != 1) return 3; return out != in * in; }\n';
  const tests = Array.from({ length: 8 }, (_, n) => ({ stdin: `${n}` }));
  type Judgement = { verdict: string; compile: { cpuMs: number }; tests: { run: { id: string; cpuMs: number }; checker: { id: string } }[] };
  const judgement = await post<Judgement>("/api/run/judge", { lang: "c", code: square, tests, checker: { lang: "c", code: checker } });
  assert.equal(judgement.verdict, "accepted");
  assert.ok(judgement.compile.cpuMs > 0);
  const read = async (ids: string[]) => compilations(await Promise.all(ids.map((id) => docle.recorded(id))));
  assert.equal(await read(judgement.tests.map(({ run }) => run.id)), 1);
  assert.equal(await read(judgement.tests.map(({ checker }) => checker.id)), 1);
  for (const { run } of judgement.tests) assert.ok(run.cpuMs < judgement.compile.cpuMs, JSON.stringify(run));
});

test("a program that cannot be compiled has one run, and every test its verdict", async () => {
  type Judgement = { verdict: string; compile: { stderr: string }; tests: { verdict: string; run?: object }[] };
  const judgement = await post<Judgement>("/api/run/judge", { lang: "c", code: "int main(void) { return wrong; }", tests: [{}, {}, {}] });
  assert.deepEqual(judgement.tests.map(({ verdict }) => verdict), Array(3).fill("compile_error"));
  assert.equal(judgement.tests.filter(({ run }) => run !== undefined).length, 1);
  assert.match(judgement.compile.stderr, /undeclared/);
});
