//! Interactive runs: input reaches the program, output reaches the client at once, and leaving ends the run.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { InteractiveClient } from "../harness/interactive-client.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

/** Whether nothing runs any more; a container that starts cannot say so yet. */
const isIdle = () => docle.idle().catch(() => false);

/** Connects, and says what to run. */
async function open(program: unknown, key = docle.worker.key): Promise<InteractiveClient> {
  const client = new InteractiveClient(docle.worker.url, key);
  await client.say(program);
  return client;
}

const echo = {
  python: { lang: "python", code: "import sys\nfor line in sys.stdin: print(line.strip() + '!')" },
  node: { lang: "node", code: "require('readline').createInterface({ input: process.stdin }).on('line', (line) => console.log(line + '!'))" },
};

for (const [lang, program] of Object.entries(echo)) {
  test(`what is typed is answered while the program runs, in ${lang}`, async () => {
    const one = await open({ ...program, stdin: "begin\n", policy: { timeoutMs: 60_000 } });
    await one.hears("begin!\n");
    for (const word of ["a", "zwölf 🎉", "x".repeat(200_000)]) {
      await one.type(`${word}\n`);
      await one.hears(`${word}!\n`);
    }
    await one.end();
    const complete = await one.over();
    assert.equal(one.closed, 1_000);
    assert.partialDeepStrictEqual(complete, { type: "complete", ok: true, status: "success", exitCode: 0 });
    assert.deepEqual(one.told[0], { type: "start", id: complete.id, createdAt: complete.createdAt });
    assert.equal(complete.stdout, one.text());
    const { type, ...result } = complete;
    assert.deepEqual(await (await docle.fetch(`/api/run/${complete.id}`)).json(), result, type);
  });
}

test("a question without a line end is heard before it is answered", async () => {
  const one = await open({ lang: "python", code: "print('Hello ' + input('Name? '))", policy: { timeoutMs: 60_000 } });
  await one.hears("Name? ");
  await one.type("Ada\n");
  assert.partialDeepStrictEqual(await one.over(), { status: "success", stdout: "Name? Hello Ada\n" });
});

test("what is typed before the program reads waits for it, and what follows its end harms nobody", async () => {
  const one = await open({ lang: "python", code: "import time\ntime.sleep(0.3)\nprint(input() + input())", policy: { timeoutMs: 60_000 } });
  await one.type("a\n");
  await one.type("b\nc\nd\n");
  await one.type("e\n");
  assert.partialDeepStrictEqual(await one.over(), { status: "success", stdout: "ab\n" });
});

test("a program that reads nothing ends like any other, however much is typed", async () => {
  const one = await open({ lang: "python", code: "print('ready')\nimport time\ntime.sleep(1)\nprint('done')", policy: { timeoutMs: 60_000 } });
  await one.hears("ready");
  for (let piece = 0; piece < 8; piece++) await one.type("x".repeat(1_000_000));
  assert.partialDeepStrictEqual(await one.over(), { status: "success", stdout: "ready\ndone\n" });
});

test("more than may be typed ends the run and says so", async () => {
  const marker = randomUUID();
  const one = await open({ lang: "python", code: "print('ready')\nimport time\ntime.sleep(600)", args: [marker], policy: { timeoutMs: 300_000 } });
  await one.hears("ready");
  for (let piece = 0; piece < 11; piece++) await one.type("x".repeat(1_000_000));
  const error = await one.over();
  assert.deepEqual([error.type, error.problem?.code, one.closed], ["error", "body_too_large", 4_413]);
  await until("the program to end", () => processesWith(marker).length === 0);
});

test("without an answer the time limit ends the run", async () => {
  const one = await open({ lang: "python", code: "input('? ')", policy: { timeoutMs: 500 } });
  assert.partialDeepStrictEqual(await one.over(), { type: "complete", status: "timeout", exitCode: 124, stdout: "? " });
});

test("a client that leaves ends the run, which is recorded", async () => {
  const marker = randomUUID();
  const one = await open({ lang: "python", code: "print(input())\nprint(input())", args: [marker], policy: { timeoutMs: 300_000 } });
  await one.type("here\n");
  await one.hears("here");
  assert.ok(processesWith(marker).length > 0);
  one.leave();
  await until("the program to end", () => processesWith(marker).length === 0);
  const result = await docle.recorded(one.told[0]?.id);
  assert.deepEqual([result.ok, result.stdout], [false, "here\n"]);
  await until("every place to be free", isIdle, 60);
});

test("bad messages are answered with the problem that names the fault", async () => {
  for (const [message, code, field] of [
    ["{", "invalid_json", undefined],
    [{ lang: "python" }, "invalid_request", "code"],
    [{ lang: "cobol", code: "x" }, "invalid_request", "lang"],
    [new Uint8Array([1]), "invalid_json", undefined],
  ] as const) {
    const one = await open(message);
    const { problem } = await one.over();
    assert.deepEqual([problem?.code, problem?.errors?.[0]?.field, one.closed], [code, field, 4_400]);
    assert.equal(one.protocol, "docle");
  }
  const one = await open({ ...echo.python, policy: { timeoutMs: 60_000 } });
  await one.type("a\n");
  await one.say({ type: "stdin", eof: true });
  // What is missing comes before what is unknown.
  assert.deepEqual((await one.over()).problem?.errors?.map((error) => error.field), ["data", "eof"]);
});

test("a key that may not run gets no socket, and a limit counts interactive runs like calls", async () => {
  const strange = new InteractiveClient(docle.worker.url, docle.worker.newKey());
  assert.equal((await strange.over()).type, "nothing");
  assert.equal(strange.closed, 1_006);

  const key = docle.worker.newKey();
  await docle.addProject("proj_talks", key);
  await docle.worker.sql(`UPDATE api_keys SET rate_limit_per_minute = 2, allowed_domains = '["a.example"]' WHERE key_prefix = '${key.slice(0, 12)}'`);
  const connect = async (origin: string) => {
    const one = new InteractiveClient(docle.worker.url, key, { origin });
    await one.say({ lang: "python", code: "print(1)" }).catch(() => undefined);
    return (await one.over()).type;
  };
  assert.equal(await connect("https://b.example"), "nothing");
  assert.deepEqual([await connect("https://a.example"), await connect("https://a.example"), await connect("https://a.example")], ["complete", "complete", "nothing"]);
});

test("fifty at once each hear their own", async () => {
  const clients = await Promise.all(Array.from({ length: 50 }, () => open({ ...echo.python, policy: { timeoutMs: 60_000 } })));
  const answers = await Promise.all(
    clients.map(async (one, number) => {
      // A client that gets no slot in time is refused, which is no fault of the socket.
      await until("a start or a refusal", () => one.told.length > 0, 60);
      if (one.told[0]?.type === "error") return one.told[0].problem?.code;
      await one.type(`number ${number}\n`);
      await one.end();
      await one.over();
      return one.text() === `number ${number}!\n`;
    }),
  );
  assert.deepEqual(answers.filter((answer) => answer !== true && answer !== "runner_busy" && answer !== "queue_full"), []);
  assert.ok(answers.filter((answer) => answer === true).length >= 4);
  await until("every place to be free", isIdle, 60);
});
