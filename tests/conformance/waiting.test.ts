//! Interpreters that wait: fresh randomness, no mix-up however many runs come at once, packages as in a cold start.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { job, run, type Job, type Language } from "../harness/jobs.ts";
import { Runner } from "../harness/runner.ts";
import { cold, shown } from "./compare.ts";

const runner = await Runner.start();
after(() => runner.stop());

const output = async (job: Job) => {
  const { status, stdout, stderr } = await run(runner, job);
  assert.equal(status, "success", stderr);
  return stdout;
};

/** Clock ticks since the machine started: the unit in which the kernel notes when a process began. */
const now = () => Math.floor(Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 100);

/** When the interpreter began, in ticks. */
const began: Record<Language, string> = {
  python: "print(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19])",
  node: "console.log(require('fs').readFileSync('/proc/self/stat', 'utf8').split(')').at(-1).trim().split(' ')[19])",
};

for (const language of ["python", "node"] as const) {
  test(`a plain ${language} program gets an interpreter that waited, a small one does not`, async () => {
    const plain = job(language, began[language]);
    const asked = now();
    assert.ok(Number(await output(plain)) <= asked, "the interpreter was there before the request");
    const askedAgain = now();
    assert.ok(Number(await output(cold(plain))) >= askedAgain, "the interpreter came after the request");
  });
}

describe("no two runs share randomness", () => {
  const sources: [Language, string, string][] = [
    ["python", "the hash of strings", "print(hash('a'))"],
    ["python", "the order of a set", "print({str(i) for i in range(30)})"],
    ["python", "random", "import random; print(random.random())"],
    ["python", "secrets", "import secrets; print(secrets.token_hex())"],
    ["python", "uuid4", "import uuid; print(uuid.uuid4())"],
    ["python", "urandom", "import os; print(os.urandom(16))"],
    ["python", "temporary names", "import tempfile; print(tempfile.mktemp())"],
    ["python", "addresses", "print(id(object()))"],
    ["node", "Math.random", "console.log(Math.random())"],
    ["node", "randomUUID", "console.log(crypto.randomUUID())"],
    ["node", "randomBytes", "console.log(require('crypto').randomBytes(16).toString('hex'))"],
    ["node", "getRandomValues", "console.log(crypto.getRandomValues(new Uint32Array(4)).join())"],
    ["node", "key pairs", "console.log(require('crypto').generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x)"],
    ["node", "temporary names", "console.log(require('fs').mkdtempSync('/tmp/x'))"],
  ];
  for (const [language, name, code] of sources) {
    test(`${language}: ${name}`, async () => {
      const values: string[] = [];
      for (let run = 0; run < 8; run++) values.push(await output(job(language, code)));
      assert.equal(new Set(values).size, values.length, values.join(""));
    });
  }

  test("nor does the stack's canary or the layout of libraries", async () => {
    const code = "print([l.split('-')[0] for l in open('/proc/self/maps') if 'libc' in l or '[stack]' in l or '[heap]' in l])";
    const seen = new Set<string>();
    for (let run = 0; run < 8; run++) seen.add(await output(job("python", code)));
    assert.equal(seen.size, 8);
  });
});

describe("runs at once", () => {
  const one = (language: Language, i: number) => {
    const code = language === "python" ? `print(${i}, input(), open('n').read())` : `console.log(${i}, require('fs').readFileSync(0, 'utf8'), require('fs').readFileSync('n', 'utf8'))`;
    return job(language, code, { stdin: `in ${i}`, files: [{ path: "n", content: `file ${i}` }], limits: { memoryMB: 128 } });
  };
  const together = (count: number, language: (i: number) => Language) =>
    Promise.all(Array.from({ length: count }, async (_, i) => assert.equal(await output(one(language(i), i)), `${i} in ${i} file ${i}\n`)));

  test("20 Python programs", async () => void (await together(20, () => "python")));
  test("20 Node programs", async () => void (await together(20, () => "node")));
  test("60 of both, far more than there are places", async () => {
    assert.ok((await runner.health()).places < 60);
    await together(60, (i) => (i % 2 ? "python" : "node"));
  });
});

describe("packages are there as in a cold start", () => {
  const programs: [Language, string, string[]][] = [
    ["python", "import sys, toposort; print(toposort.__file__, sys.path, toposort.toposort_flatten({2: {1}}))", ["toposort==1.10"]],
    ["python", "import importlib.metadata as m; print(m.version('toposort'), sorted(d.name for d in m.distributions()))", ["toposort==1.10"]],
    ["python", "import inspect, toposort; print(inspect.getsourcefile(toposort), toposort.__cached__)\nlist(toposort.toposort({1: {2}, 2: {1}}))", ["toposort==1.10"]],
    ["python", "import os; print(sorted(os.listdir('/packages')), os.access('/packages', os.W_OK))", ["toposort==1.10"]],
    ["node", "console.log(require('ms')('2 days'), require.resolve('ms'), module.paths)", ["ms@2.1.3"]],
    ["node", "import ms from 'ms';\nconsole.log(ms(1000), import.meta.resolve('ms'))", ["ms@2.1.3"]],
    ["node", "console.log(require('ms/package.json').version); require('ms')(NaN)", ["ms@2.1.3"]],
  ];
  for (const [language, code, packages] of programs) {
    test(`${packages[0]}: ${code.split("\n")[0]}`, async () => {
      const warm = job(language, code, { packages });
      // Whoever installs the packages has used up the interpreter that waited.
      await run(runner, warm);
      const [fromWarm, fromCold] = [await run(runner, warm), await run(runner, cold(warm))];
      assert.deepEqual(shown(fromWarm), shown(fromCold));
      assert.ok(fromWarm.stdout.length > 0, fromWarm.stderr);
    });
  }

  test("a package that is missing without its layer", async () => {
    for (const plain of [job("python", "import toposort"), cold(job("python", "import toposort"))]) assert.equal((await run(runner, plain)).exitCode, 1);
  });
});
