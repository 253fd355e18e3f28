//! A hundred callers at once: each gets its own answer, and nothing is left afterwards.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { openCall } from "../harness/caller.ts";
import { Docle } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

test("a fast printer does not slow the next run's answer away", async () => {
  const flood = docle.run({ lang: "python", code: "while True: print('x' * 100)", policy: { maxOutputBytes: 10_485_760, timeoutMs: 20_000 } });
  assert.equal((await docle.run({ lang: "python", code: "print(1)" })).stdout, "1\n");
  assert.equal((await flood).status, "output");
});

test("a hundred runs at once do not mix", async () => {
  const runs = Array.from({ length: 100 }, async (_, i) => {
    const [lang, code] = i % 2 ? ["node", `console.log(process.argv[2], ${i})`] : ["python", `import sys; print(sys.argv[1], ${i})`];
    const marker = randomUUID();
    // Two cores start an interpreter in some tens of milliseconds, and a hundred share them.
    const result = await docle.run({ lang, code, args: [marker], policy: { timeoutMs: 30_000 } });
    assert.equal(result.stdout, `${marker} ${i}\n`, result.stderr);
    return result.id;
  });
  assert.equal(new Set(await Promise.all(runs)).size, 100);
  await until("no run in progress", () => docle.idle());
});

test("fifty clients that leave at once leave nothing", async () => {
  const marker = randomUUID();
  const body = { lang: "python", code: "import time; time.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 } };
  const calls = Array.from({ length: 50 }, () => openCall(docle, body));
  await until("some programs' start", () => processesWith(marker).length > 0);
  for (const call of calls) call.leave();
  await until("no process of the runs", () => processesWith(marker).length === 0);
  await until("no run in progress", () => docle.idle());
  assert.equal((await docle.run({ lang: "python", code: "print(1)" })).stdout, "1\n");
});
