//! Limits of a run that the request sets, and which of them ended it.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

const python = (code: string, policy: object) => docle.run({ lang: "python", code, policy: { timeoutMs: 20_000, ...policy } });
const shell = (script: string, policy: object) => python(`import os; os.execvp("sh", ["sh", "-c", ${JSON.stringify(script)}])`, policy);

describe("cpuMs", () => {
  test("ends a program that computes", async () => {
    const result = await python("print('so far', flush=True)\nwhile True: pass", { cpuMs: 300 });
    assert.deepEqual([result.status, result.exitCode, result.limit, result.stdout], ["timeout", 124, "cpuMs", "so far\n"]);
    assert.ok(result.usage.cpuMs >= 290 && result.usage.cpuMs < 1_500, JSON.stringify(result.usage));
  });

  test("counts all processes together", async () => {
    const result = await python("import os\nfor _ in range(3): os.fork()\nwhile True: pass", { cpuMs: 500 });
    assert.deepEqual([result.status, result.limit], ["timeout", "cpuMs"]);
    assert.ok(result.usage.cpuMs < 2_500, JSON.stringify(result.usage));
  });

  test("counts processes that have ended", async () => {
    const result = await shell("while :; do sh -c 'n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done'; done", { cpuMs: 500 });
    assert.deepEqual([result.status, result.limit], ["timeout", "cpuMs"]);
  });

  test("does not end a program that waits", async () => {
    const result = await python("import time; time.sleep(1.2); print('done')", { cpuMs: 1_000 });
    assert.deepEqual([result.status, result.stdout, result.limit], ["success", "done\n", undefined], result.stderr);
  });

  test("and timeoutMs: the first one counts", async () => {
    assert.equal((await python("while True: pass", { cpuMs: 10_000, timeoutMs: 300 })).limit, "timeoutMs");
  });
});

describe("maxFileMB", () => {
  const write = (mb: number) => `f = open('a', 'wb', 0)\nfor _ in range(${mb}): f.write(bytes(1 << 20))\nprint('written')`;

  test("refuses what a program writes beyond it", async () => {
    assert.equal((await python(write(2), { maxFileMB: 2 })).stdout, "written\n");
    const result = await python(write(3), { maxFileMB: 2 });
    assert.deepEqual([result.status, result.stdout], ["error", ""]);
    assert.match(result.stderr, /File too large/);
  });

  test("ends a program that does not expect it, and says so", async () => {
    const result = await python(`import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n${write(3)}`, { maxFileMB: 2 });
    assert.deepEqual([result.status, result.signal, result.limit], ["killed", "SIGXFSZ", "maxFileMB"], result.stderr);
  });

  test("holds for each file and not for all", async () => {
    const result = await python("for n in range(4): open(str(n), 'wb').write(bytes(1 << 20))", { maxFileMB: 1 });
    assert.equal(result.status, "success", result.stderr);
  });
});

test("the limit that ended a program is named", async () => {
  assert.equal((await python("x = bytearray(1 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1", { memoryMB: 64 })).limit, "memoryMB");
  assert.equal((await python("while True: print('x' * 100)", { maxOutputBytes: 1_024 })).limit, "maxOutputBytes");
  assert.equal((await python("raise SystemExit(1)", {})).limit, undefined);
});

test("servers that the policy refused are listed", async () => {
  const code = `
import urllib.request
for url in "http://b.example/x?token=1", "https://a.example/", "http://10.0.0.1:8080/", "http://b.example/y":
  try: urllib.request.urlopen(url, timeout=5)
  except OSError as e: print(type(e).__name__)`;
  const result = await python(code, { allowNetwork: true, allowedHosts: ["c.example"] });
  assert.deepEqual(result.network, { refused: ["10.0.0.1:8080", "a.example:443", "b.example:80"] }, result.stdout + result.stderr);
  assert.equal(result.usage.blockedConnections, 4);
  assert.equal((await python("print(1)", { allowNetwork: true })).network, undefined);
});
