//! The same call as a stream: order, pieces, characters, and a client that goes away.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { openCall } from "../harness/caller.ts";
import { Docle, type RunResult } from "../harness/docle.ts";
import type { RunEvent } from "../harness/events.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const all = (body: unknown, init?: RequestInit) => docle.stream(body, init).then((events) => Array.fromAsync(events));
const text = (events: RunEvent[], stream: string) => events.filter(({ event }) => event === stream).map(({ data }) => data.data).join("");
const result = (events: RunEvent[]) => events.at(-1)?.data as unknown as RunResult & { type: string };

test("a stream starts, tells the output and completes with the whole result", async () => {
  const events = await all({ lang: "python", code: "import sys; print('o'); print('e', file=sys.stderr); sys.exit(2)" });
  assert.equal(events[0]?.event, "start");
  assert.deepEqual(events.map(({ event, data }) => event === data.type), events.map(() => true));
  assert.equal(text(events, "stdout"), "o\n");
  assert.equal(text(events, "stderr"), "e\n");
  assert.equal(events.filter(({ event }) => event === "complete").length, 1);
  assert.partialDeepStrictEqual(result(events), { type: "complete", ok: false, status: "error", exitCode: 2, stdout: "o\n", stderr: "e\n" });
  assert.equal(events[0]?.data.id, result(events).id);
});

for (const [lang, code] of [
  ["python", "import time; print('first', flush=True); time.sleep(600)"],
  ["node", "console.log('first'); setInterval(() => 0, 1e6)"],
]) {
  test(`output arrives while the program runs, in ${lang}`, async () => {
    const marker = randomUUID();
    const body = { lang, code, args: [marker], policy: { timeoutMs: 60_000 } };
    const call = openCall(docle, body, { accept: "text/event-stream" });
    await until("the first line", () => call.answer.text.includes("first"));
    assert.ok(processesWith(marker).length > 0, "the program has not ended");
    call.leave();
    await until("the program's end", () => processesWith(marker).length === 0);
  });
}

test("pieces keep their order and lose nothing", async () => {
  const code = "import sys\nfor i in range(20000):\n  (sys.stdout if i % 3 else sys.stderr).write(f'{i}\\n')";
  const events = await all({ lang: "python", code, policy: { timeoutMs: 30_000 } });
  const numbers = Array.from({ length: 20_000 }, (_, i) => i);
  const lines = (of: (i: number) => boolean) => numbers.filter(of).map((i) => `${i}\n`).join("");
  assert.equal(text(events, "stdout"), lines((i) => i % 3 !== 0));
  assert.equal(text(events, "stderr"), lines((i) => i % 3 === 0));
});

test("a line of a megabyte arrives whole", async () => {
  const events = await all({ lang: "python", code: "print('é' * 500_000)", policy: { maxOutputBytes: 2_000_000 } });
  assert.equal(text(events, "stdout"), `${"é".repeat(500_000)}\n`);
  assert.equal(result(events).stdout, text(events, "stdout"));
});

test("a character written in halves is one character", async () => {
  const code = `
import sys, time
for byte in "é🦀".encode():
  sys.stdout.buffer.write(bytes([byte])); sys.stdout.buffer.flush(); time.sleep(0.02)`;
  const events = await all({ lang: "python", code });
  assert.equal(text(events, "stdout"), "é🦀");
  assert.ok(events.every(({ data }) => !String(data.data).includes("\ufffd")));
});

test("text that looks like an event is only text", async () => {
  const printed = "event: complete\ndata: {}\n\n: comment\r\n\u2028id: 1\n";
  const events = await all({ lang: "node", code: `process.stdout.write(${JSON.stringify(printed)})` });
  assert.equal(text(events, "stdout"), printed);
  assert.equal(events.filter(({ event }) => event === "complete").length, 1);
});

test("what is cut at the limit is cut in the stream, too", async () => {
  const events = await all({ lang: "python", code: "while True: print('x' * 99)", policy: { maxOutputBytes: 4_096, timeoutMs: 20_000 } });
  assert.equal(result(events).status, "output");
  assert.equal(text(events, "stdout"), result(events).stdout);
  assert.ok(text(events, "stdout").length <= 4_096);
});

test("a time-out completes the stream", async () => {
  const events = await all({ lang: "python", code: "print('a', flush=True)\nwhile True: pass", policy: { timeoutMs: 300 } });
  assert.partialDeepStrictEqual(result(events), { status: "timeout", exitCode: 124, stdout: "a\n" });
});

test("the result of a stream can be read later", async () => {
  const { id, stdout } = result(await all({ lang: "python", code: "print('later')" }));
  const response = await docle.fetch(`/api/run/${id}`);
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as RunResult).stdout, stdout);
});

test("what is wrong before the start is an ordinary problem", async () => {
  const headers = { accept: "text/event-stream" };
  assert.equal((await docle.refused(400, { lang: "python" }, { headers })).code, "invalid_request");
});

describe("who asks for a stream gets one", () => {
  const type = async (accept: string) => {
    const response = await docle.post({ lang: "python", code: "" }, { headers: { accept } });
    await response.text();
    return response.headers.get("content-type");
  };
  for (const accept of ["text/event-stream", "TEXT/Event-Stream; charset=utf-8", "application/xml, text/event-stream;q=0.5"]) {
    test(accept, async () => assert.equal(await type(accept), "text/event-stream; charset=utf-8"));
  }
  for (const accept of ["*/*", "application/json", "text/event-stream;q=0", "text/event-streams"]) {
    test(`${accept} does not`, async () => assert.match((await type(accept)) ?? "", /^application\/json/));
  }
});

describe("a client that goes away ends its run", () => {
  const code = "import os, time\nprint('up', flush=True)\nif os.fork() == 0: os.setsid()\ntime.sleep(600)";
  const silent = "import os, time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\ntime.sleep(600)";

  for (const [when, headers] of [["in the middle of a stream", { accept: "text/event-stream" }], ["while it waits for a result", {}]] as const) {
    test(when, async () => {
      const marker = randomUUID();
      const call = openCall(docle, { lang: "python", code, args: [marker], policy: { timeoutMs: 300_000 } }, headers);
      await until("the program and its child", () => processesWith(marker).length > 1);
      call.leave();
      await until("no process of the run", () => processesWith(marker).length === 0);
      await until("no run in progress", () => docle.idle());
    });
  }

  for (const [what, headers] of [["a stream", { accept: "text/event-stream" }], ["a result", {}]] as const) {
    test(`a left run that said nothing went on, with ${what}`, async () => {
      const marker = randomUUID();
      const body = { lang: "python", code: "import time; time.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 } };
      const call = openCall(docle, body, headers);
      await until("the program's start", () => processesWith(marker).length > 0);
      call.close();
      // The runner itself writes to a silent stream after ten seconds.
      await until("no process of the run", () => processesWith(marker).length === 0, 5);
    });
  }

  test("and the run is recorded as cancelled, with what it used", async () => {
    const marker = randomUUID();
    const body = { lang: "python", code: silent, args: [marker], policy: { timeoutMs: 300_000 } };
    const call = openCall(docle, body, { accept: "text/event-stream" });
    await until("the start", () => call.answer.text.includes("event: start"));
    const id = /"id":"([^"]+)"/.exec(call.answer.text)?.[1] ?? "";
    await until("the program's start", () => processesWith(marker).length > 0);
    await until("some processor time", () => cpuMs(processesWith(marker)) > 100);
    call.leave();
    const result = await docle.recorded(id);
    assert.partialDeepStrictEqual(result, { ok: false, status: "cancelled", exitCode: 137, signal: "SIGKILL" });
    const { cpuMs: cpu, memMB, durationMs } = result.usage;
    assert.ok(cpu > 50 && memMB > 0 && durationMs > 50, JSON.stringify(result.usage));
  });
});

describe("much output", () => {
  for (const [what, byte] of [["escapes", "\\x1b"], ["control characters", "\\x01"], ["bytes that are no character", "\\xff"]] as const) {
    test(`10 MiB of ${what} on both streams is a success with its output`, async () => {
      const code = `import os\nfor n in range(160):\n  for fd in 1, 2:\n    b = memoryview(b"${byte}" * 65536)\n    while b: b = b[os.write(fd, b):]`;
      const result = await docle.run({ lang: "python", code, policy: { maxOutputBytes: 10_485_760, timeoutMs: 60_000 } });
      const character = { escapes: "\x1b", "control characters": "\x01", "bytes that are no character": "\ufffd" }[what];
      assert.deepEqual([result.status, result.truncated], ["success", { stdout: false, stderr: false }]);
      const whole = character.repeat(10_485_760);
      assert.ok(result.stdout === whole && result.stderr === whole);
      const again = (await (await docle.fetch(`/api/run/${result.id}`)).json()) as RunResult;
      assert.ok(again.stdout === whole && again.stderr === whole, "and is read again");
    });
  }

  test("a stream of more than a mebibyte does not repeat its output at its end", async () => {
    const events = await all({ lang: "python", code: "print('x' * 2_000_000)", policy: { maxOutputBytes: 3_000_000 } });
    assert.equal(text(events, "stdout").length, 2_000_001);
    assert.deepEqual([result(events).status, result(events).stdout], ["success", undefined]);
  });
});

/** Processor time of processes, in milliseconds. */
function cpuMs(pids: number[]): number {
  const ticks = pids.map((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /s, "").split(" ");
      return Number(fields[11]) + Number(fields[12]);
    } catch {
      return 0; // It ended while we looked.
    }
  });
  return ticks.reduce((sum, own) => sum + own, 0) * 10;
}
