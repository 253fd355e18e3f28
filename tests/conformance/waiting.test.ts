//! Interpreters that wait: fresh randomness, no mix-up however many runs come at once, packages as in a cold start.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { interpreterFlags } from "../../scripts/setup/interpreters.mjs";
import { again, job, run, type Job, type Language } from "../harness/jobs.ts";
import { Runner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";
import { cold, shown } from "./compare.ts";

const runner = await Runner.start();
after(() => runner.stop());

const output = async (job: Job) => {
  const { status, stdout, stderr } = await run(runner, job);
  assert.equal(status, "success", stderr);
  return stdout;
};

/** How long the interpreter has existed when it prints this, in seconds. */
const age: Record<Language, string> = {
  python: "print(float(open('/proc/uptime').read().split()[0]) - int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19]) / 100)",
  node: "const read = (name) => require('fs').readFileSync(name, 'utf8'); console.log(read('/proc/uptime').split(' ')[0] - read('/proc/self/stat').split(')').at(-1).trim().split(' ')[19] / 100)",
};
/** The kernel notes the times that {@link age} reads in hundredths of a second. */
const TICK = 0.01;

for (const language of ["python", "node"] as const) {
  test(`a plain ${language} program gets an interpreter that waited, a small one does not`, async () => {
    const timed = async (job: Job) => {
      const asked = performance.now();
      const existed = Number(await output(job));
      return { existed, took: (performance.now() - asked) / 1_000 };
    };
    await until("an interpreter is older than the request", async () => {
      const { existed, took } = await timed(job(language, age[language]));
      return existed > took + TICK;
    });
    const { existed, took } = await timed(cold(job(language, age[language])));
    assert.ok(existed <= took + 2 * TICK, `${existed} s old after ${took} s`);
  });
}

test("clocks that count from the machine's start begin with the jail", async () => {
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const code = "import time; print(open('/proc/uptime').read().split()[0], time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME))";
  for (const clock of (await output(job("python", code))).split(" ")) assert.ok(Number(clock) < uptime / 2, `${clock} of ${uptime} s`);
});

describe("no two runs share randomness", () => {
  const sources: [Language, string, string][] = [
    ["python", "random", "import random; print(random.random())"],
    ["python", "secrets", "import secrets; print(secrets.token_hex())"],
    ["python", "uuid4", "import uuid; print(uuid.uuid4())"],
    ["python", "urandom", "import os; print(os.urandom(16))"],
    ["python", "temporary names", "import tempfile; print(tempfile.mktemp())"],
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
});

describe("what a started Python has at random is shared by few programs", () => {
  const layout = "[l.split('-')[0] for l in open('/proc/self/maps') if 'libc' in l or '[stack]' in l or '[heap]' in l]";
  const plain = () => job("python", `print(hash('a'), id(object()), ${layout})`);

  test("not by one and the next", async () => {
    for (let run = 0; run < 20; run++) assert.notEqual(await output(plain()), await output(plain()));
  });

  test("by 64 at most, however fast they come", async () => {
    const times = new Map<string, number>();
    const one = async () => {
      const seen = await output(plain());
      times.set(seen, (times.get(seen) ?? 0) + 1);
    };
    for (let round = 0; round < 50; round++) await Promise.all(Array.from({ length: 12 }, one));
    assert.ok(Math.max(...times.values()) <= 64, JSON.stringify([...times.values()]));
  });

  test("by none from before, once the runner has had time", async () => {
    const before = new Set<string>();
    for (let run = 0; run < 20; run++) before.add(await output(plain()));
    await until("every Python that waits is a new one", async () => (await runner.health()).forked === 0);
    assert.ok(!before.has(await output(plain())));
  });

  test("and by none at all where forks are not wanted", async () => {
    const alone = await Runner.start({ flags: [...interpreterFlags(), "--no-fork"] });
    try {
      const seen = new Set<string>();
      for (let i = 0; i < 8; i++) seen.add((await run(alone, plain())).stdout);
      assert.equal(seen.size, 8, [...seen].join(""));
    } finally {
      await alone.stop();
    }
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
    assert.ok((await runner.health()).slots < 60);
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
      // The installation has used up the interpreter that waited.
      await run(runner, warm);
      const [fromWarm, fromCold] = [await run(runner, again(warm)), await run(runner, cold(warm))];
      assert.deepEqual(shown(fromWarm), shown(fromCold));
      assert.ok(fromWarm.stdout.length > 0, fromWarm.stderr);
    });
  }

  test("a package that is missing without its layer", async () => {
    for (const plain of [job("python", "import toposort"), cold(job("python", "import toposort"))]) assert.equal((await run(runner, plain)).exitCode, 1);
  });
});
