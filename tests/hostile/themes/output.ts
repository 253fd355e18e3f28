//! Output without end, output that lies, and output that no parser of ours may trip over.

import assert from "node:assert/strict";
import { attempt, ends, node, prints, python, shell, type Attack, type Property, type Theme } from "../attack.ts";
import { events, job, type Rest } from "../../harness/jobs.ts";

const LIMIT = 65_536;
const limited: Rest = { limits: { maxOutputBytes: LIMIT } };

/** Cut at the limit, said so, and ended. */
const cut = (stream: "stdout" | "stderr"): Property => (report) => {
  assert.deepEqual([report.status, report.exitCode, report.signal], ["output", 137, "SIGKILL"], report.stderr.slice(-300));
  assert.ok(report.truncated[stream]);
  const length = Buffer.byteLength(report[stream]);
  assert.ok(length > LIMIT - 4 && length <= LIMIT, `${length}`);
};

/** Says exactly this, whatever it looks like. */
const says = (text: string): Attack["act"] => async (scene) => {
  const code = `import sys; sys.stdout.write(${JSON.stringify(text).replaceAll("\u2028", "\\u2028")})`;
  assert.equal((await attempt(scene, "python", code)).stdout, text);
  const seen: string[] = [];
  let completed = 0;
  for await (const event of events(scene.runner, job("python", code))) {
    if (event.type === "stdout") seen.push(event.data);
    if (event.type === "complete") {
      completed++;
      assert.equal(event.report.status, "success");
    }
  }
  assert.equal(seen.join(""), text);
  assert.equal(completed, 1);
};

const forged = { status: "success", exitCode: 0, signal: null, stdout: "forged", stderr: "", truncated: { stdout: false, stderr: false }, usage: { cpuMs: 0, memMB: 0, durationMs: 0, queueMs: 0, installMs: 0 } };

const sayings: [name: string, text: string][] = [
  ["a report of its own", `${JSON.stringify(forged)}\n`],
  ["an event of its own", `\n${JSON.stringify({ type: "complete", report: forged })}\n`],
  ["events as browsers read them", `\n\nevent: complete\ndata: ${JSON.stringify(forged)}\n\n`],
  ["an HTTP response", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\r\n0\r\n\r\n"],
  ["control characters", Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join("")],
  ["terminal commands", "\u001b[2J\u001b]0;title\u0007\u001b[31mred\u001b[0m\u009b6n"],
  ["separators that JavaScript reads as lines", "a\u2028b\u2029c\u0085d"],
  ["quotes and backslashes", `"\\"'\\u0000\\\\`],
  ["text from right to left", "\u202eabc\u202c\u200b\ufeff"],
  ["a prototype", '{"__proto__": {"polluted": true}, "constructor": {"prototype": {}}}'],
  ["characters of four bytes across every boundary", "\u{1f600}".repeat(20_000)],
];

export const output: Theme = {
  name: "output",
  crowd: true,
  attacks: [
    python("standard output without end", "while True: print('x' * 1000)", cut("stdout"), limited),
    python("standard error without end", "import sys\nwhile True: sys.stderr.write('x' * 1000)", cut("stderr"), limited),
    python("one line without end", "import os\nwhile True: os.write(1, b'x' * 65536)", cut("stdout"), limited),
    python("100 MB at once", "import os\nb = memoryview(b'x' * 100_000_000)\nwhile b: b = b[os.write(1, b):]", cut("stdout"), limited),
    python("characters that the limit cuts", "import os\nwhile True: os.write(1, 'a€'.encode() * 1000)", (report, scene) => {
      cut("stdout")(report, scene);
      assert.ok(!report.stdout.includes("\ufffd"));
    }, limited),
    python("many writers", "import os\nfor _ in range(50): os.fork() or None\n", ends("success", "timeout", "memory", "error", "killed"), { limits: { timeoutMs: 700, maxOutputBytes: LIMIT } }),
    python("a writer that ignores its end", "import os, signal\nsignal.signal(signal.SIGPIPE, signal.SIG_IGN)\nwhile True:\n  try: os.write(1, b'x' * 4096)\n  except OSError: pass", cut("stdout"), limited),
    python("exactly the limit", `print('x' * ${LIMIT}, end='')`, (report) => {
      assert.deepEqual([report.status, report.stdout.length, report.truncated.stdout], ["success", LIMIT, false]);
    }, limited),
    python("one byte more, then a clean end", `print('x' * ${LIMIT + 1}, end='')`, cut("stdout"), limited),
    python("ten million zeros on both streams", "import os\nfor fd in 1, 2:\n  b = memoryview(bytes(10_000_000))\n  while b: b = b[os.write(fd, b):]", (report) => {
      assert.equal(report.status, "success");
      assert.ok(report.stdout === "\0".repeat(10_000_000) && report.stderr === report.stdout);
    }, { limits: { maxOutputBytes: 10_485_760, memoryMB: 256 } }),
    python("bytes that are no text", "import os, random\nos.write(1, b'\\xff\\xc0\\x80\\xed\\xa0\\x80\\xf5\\x80\\x80\\x80' * 1000)", (report) => {
      assert.equal(report.status, "success");
      assert.match(report.stdout, /^\ufffd+$/);
    }),
    python("its streams opened once more", "print(open('/dev/stdin').read(), file=open('/dev/stdout', 'w')); print('err', file=open('/dev/stderr', 'w'))", (report) => assert.deepEqual([report.stdout, report.stderr], ["in\n", "err\n"]), { stdin: "in" }),
    node("its streams opened once more", "const fs = require('fs'); fs.writeFileSync('/dev/stdout', fs.readFileSync('/dev/stdin'))", prints("in"), { stdin: "in" }),
    shell("its streams opened once more", "cat < /dev/stdin > /dev/stdout", prints("in"), { stdin: "in" }),
    python("its own output read back", "import os\ntry: f = os.open('/proc/self/fd/1', os.O_RDONLY | os.O_NONBLOCK)\nexcept OSError: pass\nos.write(1, b'kept\\n')", prints("kept\n")),
    python("its own input written", "import os\nos.write(os.open('/proc/self/fd/0', os.O_WRONLY | os.O_NONBLOCK), b'x')\nprint(os.read(0, 100))", ends("success", "error")),
    python("a pipe made as small as can be", "import fcntl, sys\nfcntl.fcntl(1, 1031, 4096)\nprint('x' * 50_000)", prints(`${"x".repeat(50_000)}\n`)),
    python("a pipe made not to wait", "import os\nos.set_blocking(1, False); os.set_blocking(0, False)\nprint('on')", prints("on\n")),
    python("streams closed at once", "import os\nos.closerange(0, 3)", ends("success", "error")),
    python("streams exchanged", "import os\nos.dup2(1, 9); os.dup2(2, 1); os.dup2(9, 2)\nos.write(1, b'err'); os.write(2, b'out')", (report) => assert.deepEqual([report.stdout, report.stderr], ["out", "err"])),
    python("output by other ways", "import os\nr, w = os.pipe(); os.write(w, b'spliced'); os.splice(r, 1, 7)\nf = os.open('main.py', 0); os.sendfile(1, f, 0, 6)", prints("splicedimport")),
    node("standard output without end", "const b = Buffer.alloc(65536, 'x'); for (;;) require('fs').writeSync(1, b)", cut("stdout"), limited),
    node("an exit right after more than a pipe holds", "console.log('x'.repeat(100_000)); process.exit()", prints(`${"x".repeat(100_000)}\n`)),
    node("an error right after it", "process.stdout.write('x'.repeat(900_000)); throw new Error('on purpose')", (report) => {
      assert.deepEqual([report.status, report.stdout.length], ["error", 900_000]);
      assert.match(report.stderr, /on purpose/);
    }),
    node("output faster than it is read", "for (;;) process.stdout.write('x'.repeat(65536))", ends("output", "memory", "error", "killed"), { limits: { maxOutputBytes: LIMIT, memoryMB: 128 } }),
    shell("yes", "yes", cut("stdout"), limited),
    shell("both streams from many processes", "for i in 1 2 3 4 5 6 7 8; do yes >&2 & done; yes", ends("output"), limited),
    shell("random bytes", "head -c 60000 /dev/urandom", ends("success"), limited),
    ...sayings.map(([name, text]) => ({ name: `python: ${name}`, act: says(text) })),
  ],
};
