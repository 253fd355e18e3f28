//! Programs at a terminal: what they see, what is typed at them, and how they end.

import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { job, run, type Language } from "../harness/jobs.ts";
import { processesWith, type AnyRunner } from "../harness/runner.ts";
import { Terminal } from "../harness/terminal.ts";
import { until } from "../harness/until.ts";

const PATIENT = { limits: { timeoutMs: 60_000 } };
const INTERRUPT = "\x03";
const END = "\x04";
const QUIT = "\x1c";

/** What a process has written since it began, in bytes; see proc_pid_io(5). */
function written(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/io`, "utf8").match(/^wchar: (\d+)$/m)?.[1]);
}

/** Waits until a process has written nothing for a while. It answers with how much it had written by then. */
async function stalls(pid: number): Promise<number> {
  let [last, looks] = [0, 0];
  await until("the program waits", () => {
    const now = written(pid);
    looks = now > 0 && now === last ? looks + 1 : 0;
    last = now;
    return looks > 40;
  }, 60);
  return last;
}

/** The tests, against a runner. */
export function suite(runner: AnyRunner): void {
  const python = (code: string, rest = {}, reads = true) => Terminal.start(runner, "python", code, { ...PATIENT, ...rest }, reads);
  const node = (code: string, rest = {}) => Terminal.start(runner, "node", code, { ...PATIENT, ...rest });

  describe("what a program sees", () => {
    test("the runner says what its terminals are", async () => {
      assert.match((await runner.health()).properties.terminals ?? "", /devices of the jail's own|the terminals of the container/);
    });

    test("in Python: a terminal with its name, its size and its colours", async () => {
      const one = await python("import os, sys\nprint([os.isatty(n) for n in range(3)], *os.get_terminal_size(), os.ttyname(0) == os.ttyname(1), os.environ['TERM'], os.environ['COLORTERM'])\nprint('both', file=sys.stderr)\nopen('/dev/tty', 'w').write('here\\n')", { tty: { cols: 101, rows: 7 } });
      assert.equal((await one.over()).status, "success");
      assert.equal(one.shown, "[True, True, True] 101 7 True xterm-256color truecolor\r\nboth\r\nhere\r\n");
    });

    test("in Node: a terminal with its size and its colours", async () => {
      const one = await node("const { stdin, stdout, stderr } = process; stdout.write([stdin.isTTY, stdout.isTTY, stderr.isTTY, stdout.columns, stdout.rows, stdout.getColorDepth()].join() + '\\n'); console.log({ colour: 1 })", { tty: { cols: 101, rows: 7 } });
      assert.equal((await one.over()).status, "success");
      assert.equal(one.shown, "true,true,true,101,7,24\r\n{ colour: \x1b[33m1\x1b[39m }\r\n");
    });

    test("variables of the request come first", async () => {
      const one = await python("import os; print(os.environ['TERM'])", { env: { TERM: "dumb" } });
      await one.over();
      assert.equal(one.shown, "dumb\r\n");
    });

    test("a program without terminal makes terminals of its own", async () => {
      const code = "import os, pty\nprint(os.isatty(0), sorted(os.listdir('/dev/pts')))\npid, fd = pty.fork()\nif pid == 0: os.execvp('sh', ['sh', '-c', 'tty; stty size'])\nout = b''\ntry:\n  while piece := os.read(fd, 100): out += piece\nexcept OSError: pass\nprint(out)";
      const { tier } = await runner.health();
      const { stdout, stderr } = await run(runner, job("python", code, PATIENT));
      if (tier === "shared") assert.match(stdout, /^False .*\nb'\/dev\/pts\/\d+\\r\\n0 0\\r\\n'\n$/, stderr);
      else assert.equal(stdout, "False ['ptmx']\nb'/dev/pts/0\\r\\n0 0\\r\\n'\n", stderr);
    });
  });

  describe("what is typed", () => {
    test("is echoed, edited and read by lines", async () => {
      const one = await python("print('got', repr(input('Name? ')))");
      await one.shows("Name? ");
      one.type("Ax\x7fdé\x7f\x7fda\r");
      await one.over();
      assert.match(one.shown, /^Name\? Ax[^]*da\r\ngot 'Ada'\r\n$/);
    });

    test("comes after the standard input of the request, which is typed first", async () => {
      const one = await python("print(input()); print(input())", { stdin: "first\n" });
      await one.shows("first\r\nfirst\r\n");
      one.type("second\n");
      await one.over();
      assert.ok(one.shown.endsWith("second\r\nsecond\r\n"), one.shown);
    });

    test("is not shown where a program asks for a password", async () => {
      const one = await python("import getpass; print(len(getpass.getpass('Password: ')))");
      await one.shows("Password: ");
      one.type("hidden\n");
      await one.over();
      assert.equal(one.shown, "Password: \r\n6\r\n");
    });

    test("of 1 MB arrives whole where the terminal is raw", async () => {
      const paste = randomBytes(500_000).toString("hex");
      const digest = createHash("sha256").update(paste).digest("hex");
      const one = await python("import hashlib, subprocess, tty\ntty.setraw(0)\ncat = subprocess.Popen(['cat'], stdout=subprocess.PIPE)\nprint('ready', end='', flush=True)\nprint(hashlib.sha256(cat.stdout.read(1_000_000)).hexdigest())\ncat.kill()");
      await one.shows("ready");
      for (let at = 0; at < paste.length; at += 100_000) one.type(paste.slice(at, at + 100_000));
      assert.equal((await one.over()).status, "success");
      assert.ok(one.shown.includes(digest), one.shown);
    });

    test("of 1 MB arrives whole by lines", async () => {
      const line = `${"é".repeat(999)}\n`;
      // With the echo, the kernel would put what the program writes into the middle of it.
      const one = await python("import sys, termios\na = termios.tcgetattr(0); a[3] &= ~termios.ECHO; termios.tcsetattr(0, termios.TCSANOW, a)\nprint('ready', flush=True)\nprint(sum(len(sys.stdin.readline()) for _ in range(1000)))");
      await one.shows("ready\r\n");
      for (let lines = 0; lines < 1_000; lines += 100) one.type(line.repeat(100));
      assert.equal((await one.over()).status, "success");
      assert.equal(one.shown, "ready\r\n1000000\r\n");
    });

    test("of 1 MB is echoed while it is read, and neither waits for the other", async () => {
      const line = `${"é".repeat(999)}\n`;
      const one = await python("import sys\ntotal = sum(len(sys.stdin.readline()) for _ in range(1000))\nsys.exit(7 if total == 1_000_000 else 1)", { limits: { timeoutMs: 60_000, maxOutputBytes: 10_485_760 } });
      for (let lines = 0; lines < 1_000; lines += 100) one.type(line.repeat(100));
      assert.equal((await one.over()).exitCode, 7);
      assert.ok(one.shown.length > 100_000, "it was echoed");
    });

    test("and never read ends with its program", async () => {
      const one = await python("print('ready')\nimport time; time.sleep(1)\nprint('done')", PATIENT);
      await one.shows("ready");
      for (let piece = 0; piece < 8; piece++) one.type(`${"x".repeat(1_000_000)}\n`);
      assert.equal((await one.over()).status, "success");
      assert.match(one.shown, /done\r\n/);
    });
  });

  describe("keys that are signals", () => {
    test("Ctrl-C interrupts Python, which goes on if it wants to", async () => {
      const one = await python("import time\ntry:\n  print('sleeps'); time.sleep(60)\nexcept KeyboardInterrupt: print('woken')");
      await one.shows("sleeps\r\n");
      one.type(INTERRUPT);
      assert.equal((await one.over()).status, "success");
      assert.equal(one.shown, "sleeps\r\n^Cwoken\r\n");
    });

    test("Ctrl-C ends Node, and reaches what is in the foreground", async () => {
      const one = await node("const child = require('child_process').spawn('sh', ['-c', 'trap \"echo child; exit\" INT; echo both; while :; do sleep 0.1; done'], { stdio: 'inherit' });\nprocess.on('SIGINT', () => console.log('parent')); child.on('exit', () => console.log('gone'))");
      await one.shows("both");
      one.type(INTERRUPT);
      assert.equal((await one.over()).status, "success");
      for (const said of ["child", "parent", "gone"]) assert.ok(one.shown.includes(said), one.shown);
      const two = await node("console.log('runs'); setInterval(() => {}, 1000)");
      await two.shows("runs");
      two.type(INTERRUPT);
      assert.partialDeepStrictEqual(await two.over(), { status: "killed", exitCode: 130, signal: "SIGINT" });
    });

    test("Ctrl-\\ quits", async () => {
      const one = await python("print('runs')\nimport time; time.sleep(60)");
      await one.shows("runs");
      one.type(QUIT);
      assert.partialDeepStrictEqual(await one.over(), { status: "killed", exitCode: 131, signal: "SIGQUIT" });
    });

    test("Ctrl-D is the end of input, and input may follow it", async () => {
      const one = await python("import sys\nprint(repr(sys.stdin.read()))\ntry: input('more? ')\nexcept EOFError: print('none')");
      one.type(`a\n${END}`);
      await one.shows("more? ");
      one.type(END);
      assert.equal((await one.over()).status, "success");
      assert.ok(one.shown.endsWith("'a\\n'\r\nmore? none\r\n"), one.shown);
    });

    test("a raw terminal hands all of them to the program", async () => {
      const one = await python("import os, tty\ntty.setraw(0); print('raw', end='', flush=True)\nseen = b''\nwhile len(seen) < 4: seen += os.read(0, 4)\nprint(seen)");
      await one.shows("raw");
      one.type(`${INTERRUPT}${END}${QUIT}\r`);
      assert.equal((await one.over()).status, "success");
      assert.equal(one.shown, "rawb'\\x03\\x04\\x1c\\r'\r\n".replace("\r\n", "\n"));
    });
  });

  describe("programs that need a terminal", () => {
    test("hear that its size has changed", async () => {
      const one = await python("import os, select, signal\nsignal.signal(signal.SIGWINCH, lambda *_: print('now', *os.get_terminal_size(), flush=True))\nprint('go')\nwhile not select.select([0], [], [], 0.05)[0]: pass");
      await one.shows("go");
      one.resize(120, 40);
      await one.shows("now 120 40");
      one.resize(1, 1_000);
      await one.shows("now 1 1000");
      one.type("\n");
      assert.equal((await one.over()).status, "success");
      const two = await node("process.stdout.on('resize', () => { console.log('now', process.stdout.columns + '', process.stdout.rows + ''); process.exit() }); console.log('go'); setInterval(() => {}, 1000)");
      await two.shows("go");
      two.resize(120, 40);
      assert.equal((await two.over()).status, "success");
      assert.match(two.shown, /now 120 40/);
    });

    test("draw with curses, and leave the screen as it was", async () => {
      const one = await python("import curses\ndef main(screen):\n  curses.start_color(); curses.init_pair(1, curses.COLOR_RED, curses.COLOR_BLACK)\n  screen.addstr(2, 3, 'drawn', curses.color_pair(1)); screen.refresh()\n  while screen.getkey() != 'q': pass\ncurses.wrapper(main); print('over')");
      await one.shows("drawn");
      assert.ok(one.shown.includes("\x1b[?1049h") && one.shown.includes("\x1b[3;4H"), one.shown);
      one.type("aq");
      assert.equal((await one.over()).status, "success");
      assert.ok(one.shown.includes("\x1b[?1049l") && one.shown.endsWith("over\r\n"), one.shown);
    });

    test("talk line by line: Python's console", async () => {
      const one = await python("import code; code.interact(banner='hello', exitmsg='bye')");
      await one.shows(">>> ");
      one.type("1 + 1\n");
      await one.shows("\r\n2\r\n");
      one.type("for n in 'ab': print(n * 2)\n\n");
      await one.shows("aa\r\nbb\r\n");
      one.type(END);
      assert.equal((await one.over()).status, "success");
      assert.ok(one.shown.endsWith("bye\r\n"), one.shown);
    });

    test("ask once and end at once: Node's readline", async () => {
      const one = await node("const rl = require('readline').createInterface({ input: process.stdin, output: process.stdout });\nrl.question('Name? ', (name) => { console.log('Hello ' + name); rl.close(); });");
      await one.shows("Name? ");
      one.type("Ada\r");
      assert.partialDeepStrictEqual(await one.over(), { status: "success", exitCode: 0 });
      assert.ok(one.shown.endsWith("Hello Ada\r\n"), one.shown);
    });

    test("are of every language: Bash of the tree, which asks at its prompt", async (t) => {
      if ((await runner.health()).languages.bash === undefined) return t.skip("this machine has no tree of languages");
      const files = [{ path: "main.sh", content: "tty; stty size; read -p 'name? ' name; echo hi $name; exec bash --norc -i" }];
      const one = await Terminal.start(runner, "bash" as Language, "", { ...PATIENT, files, entrypoint: "main.sh", env: { PS1: "$ " } });
      await one.shows("/dev/pts/0\r\n24 80\r\nname? ");
      one.type("Ada\r");
      await one.shows("hi Ada\r\n");
      await one.shows("$ ");
      one.type("exit 3\r");
      assert.partialDeepStrictEqual(await one.over(), { status: "error", exitCode: 3 });
    });

    test("job control of a shell", async () => {
      const one = await python("import os; os.execvp('sh', ['sh', '-i'])", { env: { PS1: "$ ", ENV: "" } });
      await one.shows("$ ");
      one.type("sleep 60\n");
      await one.shows("sleep 60\r\n");
      one.type("\x1a");
      await one.shows("Stopped");
      one.type("fg\n");
      await until("it to go on", () => one.shown.includes("fg\r\nsleep 60\r\n"));
      one.type(INTERRUPT);
      await until("the shell to ask", () => one.shown.includes("^C\r\n$ "));
      one.type("exit 3\n");
      assert.partialDeepStrictEqual(await one.over(), { status: "error", exitCode: 3 });
    });
  });

  describe("the end", () => {
    test("nothing that was written last is lost", async () => {
      for (const one of await Promise.all([python("import os\nos.write(1, b'x' * 100_000)\nos._exit(0)"), node("process.stdout.write('x'.repeat(100_000)); process.exit()")])) {
        assert.equal((await one.over()).status, "success");
        assert.equal(one.shown.length, 100_000);
      }
    });

    test("a program that closes its terminal opens it again", async () => {
      const one = await python("import os\nprint('before', flush=True)\nos.closerange(0, 3)\nimport time; time.sleep(0.3)\nos.write(os.open('/dev/tty', os.O_RDWR), b'after\\n')");
      assert.equal((await one.over()).status, "success");
      assert.equal(one.shown, "before\r\nafter\r\n");
    });

    test("what a program has put into the background ends with it", async () => {
      const marker = randomUUID();
      const one = await python("import os, signal, time\nif os.fork() == 0:\n  os.setsid(); signal.signal(signal.SIGHUP, signal.SIG_IGN)\n  time.sleep(600)\nprint('over')", { args: [marker] });
      assert.equal((await one.over()).status, "success");
      await until("nothing to be left", () => processesWith(marker).length === 0);
    });

    test("leaving ends the run", async () => {
      const marker = randomUUID();
      const one = await python("import signal, time\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\nprint('here')\ntime.sleep(600)", { args: [marker], limits: { timeoutMs: 300_000 } });
      await one.shows("here");
      assert.ok(processesWith(marker).length > 0);
      one.leave();
      await until("the program to end", () => processesWith(marker).length === 0);
      await until("no run is in progress", async () => (await runner.health()).running === 0);
    });

    test("the time limit and the output limit hold", async () => {
      const [slow, loud] = await Promise.all([
        python("import time\nprint('here')\ntime.sleep(600)", { limits: { timeoutMs: 700 } }),
        python("while True: print('x' * 1000)", { limits: { timeoutMs: 60_000, maxOutputBytes: 65_536 } }),
      ]);
      assert.partialDeepStrictEqual(await slow.over(), { status: "timeout", exitCode: 124 });
      assert.equal(slow.shown, "here\r\n");
      assert.partialDeepStrictEqual(await loud.over(), { status: "output", truncated: { stdout: true } });
      assert.equal(loud.shown.length, 65_536);
    });
  });

  describe("a reader that is behind", () => {
    test("holds its program up, and gets all of it", async () => {
      const marker = randomUUID();
      const one = await python("import os\nfor _ in range(900): os.write(1, b'x' * 10_000)\nprint('end')", { args: [marker], limits: { timeoutMs: 120_000, maxOutputBytes: 10_485_760 } }, false);
      await until("the program to start", () => processesWith(marker).length > 0);
      const program = Math.max(...processesWith(marker));
      assert.ok((await stalls(program)) < 8_000_000, "the program had gone on");
      one.read();
      assert.equal((await one.over()).status, "success");
      assert.equal(one.shown.length, 9_000_000 + "end\r\n".length);
    });

    test("does not hold up the time limit, and Ctrl-C still comes through", async () => {
      const marker = randomUUID();
      const endless = "import os\nwhile True: os.write(1, b'x' * 10_000)";
      const one = await python(endless, { args: [marker], limits: { timeoutMs: 4_000, maxOutputBytes: 10_485_760 } }, false);
      await until("the program to end", () => processesWith(marker).length > 0);
      await until("the program to end", () => processesWith(marker).length === 0, 30);
      one.read();
      assert.equal((await one.over()).status, "timeout");

      const two = await python(endless, { args: [marker], limits: { timeoutMs: 120_000, maxOutputBytes: 10_485_760 } }, false);
      await until("the program to start", () => processesWith(marker).length > 0);
      await stalls(Math.max(...processesWith(marker)));
      two.type(INTERRUPT);
      await until("the program to end", () => processesWith(marker).length === 0, 30);
      two.read();
      // Python says that it was interrupted, and ends by the signal.
      assert.equal((await two.over()).signal, "SIGINT");
    });
  });

  test("many at once each hear their own", async () => {
    const { slots } = await runner.health();
    const all = await Promise.all(Array.from({ length: 2 * slots }, async (_, number) => {
      const one = await python("print('got', input(), *__import__('os').get_terminal_size())", { tty: { cols: number + 1, rows: 5 } });
      one.type(`number ${number}\n`);
      await one.over();
      return one.shown.endsWith(`got number ${number} ${number + 1} 5\r\n`);
    }));
    assert.ok(all.every(Boolean));
    await until("no run is in progress", async () => (await runner.health()).running === 0);
  });
}
