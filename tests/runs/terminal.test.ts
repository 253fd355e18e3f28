//! Interactive runs at a terminal, through the whole service: what clients send and see.

import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { InteractiveClient, type Told } from "../harness/interactive-client.ts";
import { SlowClient } from "../harness/slow-client.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const USUAL = { cols: 80, rows: 24 };

/** Whether nothing runs any more; a container that starts cannot say so yet. */
const isIdle = () => docle.idle().catch(() => false);

/** Starts a program at a terminal. */
async function start(lang: "python" | "node", code: string, rest: object = {}): Promise<InteractiveClient> {
  const client = new InteractiveClient(docle.worker.url, docle.worker.key);
  await client.say({ lang, code, tty: USUAL, policy: { timeoutMs: 60_000 }, ...rest });
  return client;
}

test("a program at a terminal asks, hears sizes and signals, and the run is kept with what was shown", async () => {
  const one = await start("python", "import os, signal, sys, time\nprint(sys.stdout.isatty(), *os.get_terminal_size(), os.environ['TERM'])\nprint('error', file=sys.stderr)\nsignal.signal(signal.SIGWINCH, lambda *_: print('now', *os.get_terminal_size()))\nprint('Size?')\nwhile os.get_terminal_size().columns == 80: time.sleep(0.01)\nprint('\\x1b[31mHello\\x1b[0m', input('Name? '))\ntry: print('sleeps'); time.sleep(60)\nexcept KeyboardInterrupt: print('woken')\ntry: input('more? ')\nexcept EOFError: print('none')\nsys.exit(3)");
  await one.hears("Size?\r\n");
  await one.say({ type: "resize", cols: 120, rows: 40 });
  await one.hears("now 120 40\r\nName? ");
  await one.type("Zoë 🎉\r");
  await one.hears("sleeps\r\n");
  await one.type("\x03");
  await one.hears("more? ");
  await one.end();
  const complete = await one.over();
  assert.partialDeepStrictEqual(complete, { type: "complete", ok: false, status: "error", exitCode: 3, stderr: "" });
  assert.equal(one.closed, 1_000);
  const shown = "True 80 24 xterm-256color\r\nerror\r\nSize?\r\nnow 120 40\r\nName? Zoë 🎉\r\n\x1b[31mHello\x1b[0m Zoë 🎉\r\nsleeps\r\n^Cwoken\r\nmore? none\r\n";
  assert.deepEqual([one.text(), complete.stdout, one.text("stderr")], [shown, shown, ""]);
  const kept = (await (await docle.fetch(`/api/run/${complete.id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } })).json()) as { stdout: string; input: { tty: unknown } };
  assert.deepEqual([kept.stdout, kept.input.tty], [shown, USUAL]);
});

test("Node's readline asks once and ends at once, and hears its size", async () => {
  const one = await start("node", "console.log(process.stdin.isTTY, process.stdout.columns, process.stdout.getColorDepth());\nprocess.stdout.on('resize', () => console.log('now ' + process.stdout.columns));\nconst rl = require('readline').createInterface({ input: process.stdin, output: process.stdout });\nrl.question('Name? ', (name) => { console.log('Hello ' + name); rl.close(); });");
  await one.hears("Name? ");
  await one.say({ type: "resize", cols: 99, rows: 40 });
  await one.hears("now 99");
  await one.type("Ada\r");
  assert.partialDeepStrictEqual(await one.over(), { status: "success", exitCode: 0 });
  assert.ok(one.text().endsWith("Hello Ada\r\n"), one.text());
});

test("keys end programs: Ctrl-C, Ctrl-D and Ctrl-\\", async () => {
  for (const [lang, code, key, expected] of [
    ["node", "console.log('ready'); setInterval(() => {}, 1000)", "\x03", { status: "killed", exitCode: 130, signal: "SIGINT" }],
    ["python", "print('ready'); import time; time.sleep(60)", "\x1c", { status: "killed", exitCode: 131, signal: "SIGQUIT" }],
    ["node", "console.log('ready'); process.stdin.on('end', () => console.log('ended')).resume()", "\x04", { status: "success" }],
    ["python", "print('ready'); import sys; print(repr(sys.stdin.read()))", "\x04", { status: "success" }],
  ] as const) {
    const one = await start(lang, code);
    await one.hears("ready");
    await one.type(key);
    assert.partialDeepStrictEqual(await one.over(), expected);
  }
});

test("a curses program draws and reads keys", async () => {
  const one = await start("python", "import curses\ndef main(screen):\n  screen.addstr(2, 3, 'drawn'); screen.refresh()\n  while screen.getkey() != 'q': pass\ncurses.wrapper(main); print('over')");
  await one.hears("drawn");
  assert.ok(one.text().includes("\x1b[?1049h\x1b"), "another screen");
  await one.type("xq");
  assert.equal((await one.over()).status, "success");
});

test("a paste of 1 MB arrives whole at a raw terminal", async () => {
  const paste = randomBytes(500_000).toString("hex");
  const one = await start("python", "import hashlib, subprocess, tty\ntty.setraw(0)\ncat = subprocess.Popen(['cat'], stdout=subprocess.PIPE)\nprint('ready', end='', flush=True)\nprint(hashlib.sha256(cat.stdout.read(1_000_000)).hexdigest())\ncat.kill()");
  await one.hears("ready");
  await one.type(paste);
  assert.equal((await one.over()).status, "success");
  assert.ok(one.text().includes(createHash("sha256").update(paste).digest("hex")), one.text());
});

test("a client that does not read holds its program up, and reads all of it later", async () => {
  const marker = randomUUID();
  // Each of these characters takes six bytes of JSON for the client, so that the buffers on the way there hold little of it. Those between
  // runner and Worker, 10 MB at most on Linux, have them in Base64.
  const code = "import os\nfor _ in range(1000): os.write(1, b'\\x1b' * 10_000)\nprint('end')";
  const policy = { timeoutMs: 120_000, maxOutputBytes: 10_485_760 };
  const client = await SlowClient.start(docle.worker.url, docle.worker.key, { lang: "python", code, args: [marker], tty: USUAL, policy });
  const written = () => {
    const [pid = 0] = processesWith(marker).slice(-1);
    return pid === 0 ? 0 : Number(readFileSync(`/proc/${pid}/io`, "utf8").match(/^wchar: (\d+)$/m)?.[1]);
  };
  let [last, looks] = [0, 0];
  await until("the program to wait", () => {
    const now = written();
    looks = now > 0 && now === last ? looks + 1 : 0;
    last = now;
    return looks > 60;
  }, 60);
  assert.ok(last < 9_500_000, `${last} bytes were written to a client that reads nothing`);
  let shown = 0;
  let complete: Told | undefined;
  for await (const message of client.messages()) {
    if (message.type === "stdout") shown += message.data?.length ?? 0;
    if (message.type === "complete") complete = message;
  }
  assert.deepEqual([complete?.status, shown], ["success", 10_000_000 + "end\r\n".length]);
  client.leave();
});

test("a client that leaves ends its run, whatever the program ignores", async () => {
  const marker = randomUUID();
  const one = await start("python", "import signal, time\nfor s in signal.SIGHUP, signal.SIGINT, signal.SIGTERM: signal.signal(s, signal.SIG_IGN)\nprint('here')\ntime.sleep(600)", { args: [marker], policy: { timeoutMs: 300_000 } });
  await one.hears("here\r\n");
  assert.ok(processesWith(marker).length > 0);
  one.leave();
  await until("the program to end", () => processesWith(marker).length === 0);
  const result = await docle.recorded(one.told[0]?.id);
  assert.deepEqual([result.status, result.stdout], ["cancelled", "here\r\n"]);
  await until("every place to be free", isIdle, 60);
});

test("bad sizes are answered with the problem that names the fault, and other calls have no terminal", async () => {
  for (const [first, field] of [
    [{ lang: "python", code: "1", tty: true }, "tty"],
    [{ lang: "python", code: "1", tty: { cols: 80 } }, "tty.rows"],
    [{ lang: "python", code: "1", tty: { cols: 0, rows: 24 } }, "tty.cols"],
    [{ lang: "python", code: "1", tty: { cols: 80, rows: 24, term: "vt100" } }, "tty.term"],
  ] as const) {
    const one = new InteractiveClient(docle.worker.url, docle.worker.key);
    await one.say(first);
    const { problem } = await one.over();
    assert.deepEqual([problem?.code, problem?.errors?.[0]?.field, one.closed], ["invalid_request", field, 4_400]);
  }
  const one = await start("python", "input()");
  await one.say({ type: "resize", cols: 1_001, rows: 24 });
  assert.deepEqual((await one.over()).problem?.errors?.map((error) => error.field), ["cols"]);
  const two = await start("python", "input()", { tty: null });
  await two.say({ type: "resize", cols: 80, rows: 24 });
  assert.deepEqual((await two.over()).problem?.errors?.map((error) => error.field), ["type"]);

  const headers = { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json" };
  const program = { lang: "python", code: "1", tty: USUAL };
  for (const [path, body, field] of [["/api/run", program, "tty"], ["/api/run/batch", { runs: [program] }, "runs[0].tty"]] as const) {
    const response = await docle.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    const { errors } = (await response.json()) as { errors: { field: string; message: string }[] };
    assert.deepEqual([response.status, errors[0]?.field], [400, field]);
    assert.match(errors[0]?.message ?? "", /GET \/api\/run/);
  }
});

test("fifty terminals at once each hear their own", async () => {
  const clients = await Promise.all(Array.from({ length: 50 }, (_, number) => start("python", "import os; print('got', input(), *os.get_terminal_size())", { tty: { cols: number + 1, rows: 9 } })));
  const answers = await Promise.all(
    clients.map(async (one, number) => {
      // A client that gets no slot in time is refused, which is no fault of the socket.
      await until("a start or a refusal", () => one.told.length > 0, 60);
      if (one.told[0]?.type === "error") return one.told[0].problem?.code;
      await one.type(`number ${number}\n`);
      await one.over();
      return one.text().endsWith(`got number ${number} ${number + 1} 9\r\n`);
    }),
  );
  assert.deepEqual(answers.filter((answer) => answer !== true && answer !== "runner_busy" && answer !== "queue_full"), []);
  assert.ok(answers.filter((answer) => answer === true).length >= 4);
  await until("every place to be free", isIdle, 60);
});
