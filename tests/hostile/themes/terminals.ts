//! Attacks by terminals: on those of others, on who sits at one, and on what the kernel has of them.

import assert from "node:assert/strict";
import { attempt, briefly, ends, inTime, meanwhile, prints, python, timesOut, type Attack, type Property, type Theme } from "../attack.ts";
import { processesWith } from "../../harness/runner.ts";
import { Terminal, USUAL } from "../../harness/terminal.ts";
import { until } from "../../harness/until.ts";
import type { Rest } from "../../harness/jobs.ts";

const atTerminal: Rest = { interactive: true, tty: USUAL };
const brieflyAtTerminal: Rest = { ...briefly, ...atTerminal };

/** Tries each ioctl at its terminal and at `/dev/tty`, and prints which of them are not refused. */
const requests = (...numbers: number[]) => `import fcntl, os\nfor f in 0, 1, os.open('/dev/tty', os.O_RDWR):\n  for n in ${JSON.stringify(numbers)}:\n    try: fcntl.ioctl(f, n, b'x' + bytes(63)); print('did', hex(n))\n    except PermissionError: pass\nprint('over')`;

/** Ends by itself, soon and alone. */
const over: Property = (report) => assert.match(report.stdout, /over\r\n$/, report.stdout.slice(-300));

/** What a person does at the terminal of a program, and how the program must end. */
const typed = (name: string, code: string, act: (terminal: Terminal) => Promise<void>, statuses: string[], rest: Rest = {}): Attack => ({
  name: `typed: ${name}`,
  async act({ runner, marker }) {
    const terminal = await Terminal.start(runner, "python", code, { args: [marker], ...rest, limits: { timeoutMs: 20_000, ...rest.limits } });
    await act(terminal);
    const { status } = await terminal.over();
    assert.ok(statuses.includes(status), `${status}: ${terminal.shown.slice(-300)}`);
    await until("nothing to be left", () => processesWith(marker).length === 0);
  },
});

/** More terminals than a jail may have: its own and as many as it makes. */
const many: Property = (report, { tier }) => {
  const made = Number(report.stdout.match(/made (\d+)/)?.[1]);
  // Without mounts, only the descriptors that a program may have limit it.
  if (tier === "shared") assert.ok(made < 4_096, report.stdout);
  else assert.equal(made, 15, report.stdout);
};

export const terminals: Theme = {
  name: "terminals",
  crowd: true,
  attacks: [
    // TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS, TIOCVHANGUP, TIOCSLCKTRMIOS.
    python("typing into its own terminal, and other protocols on it", requests(0x5412, 0x541c, 0x5423, 0x541d, 0x5437, 0x5457), prints("over\r\n"), atTerminal),
    python("typing into a terminal that it has made", "import fcntl, os\na, b = os.openpty()\nfor f in a, b:\n  for n in 0x5412, 0x5423:\n    try: fcntl.ioctl(f, n, b'x' + bytes(63)); print('did')\n    except PermissionError: print('refused')", prints("refused\n".repeat(4))),
    python("terminals of the runner's own", "import os\nfound = [n for n in range(1000) if os.path.exists(f'/dev/pts/{n}')]\nfor n in found:\n  try: os.open(f'/dev/pts/{n}', os.O_RDWR); print('opened', n)\n  except OSError: pass\nfor n in ['console', 'tty0', 'tty1', 'ttyS0', 'hvc0', 'vcs', 'kmsg']:\n  try: os.open(f'/dev/{n}', os.O_RDWR | os.O_NOCTTY); print('opened', n)\n  except OSError: pass\nprint('over')", prints("over\n")),
    python("thousands of terminals", "import os\nheld = []\ntry:\n  while True: held.append(os.openpty())\nexcept OSError: print('made', len(held))", many, atTerminal),
    python("thousands of terminals, in many processes", "import os, time\nfor _ in range(30):\n  if os.fork() == 0:\n    held = []\n    try:\n      while True: held.append(os.openpty())\n    except OSError: time.sleep(60)\ntime.sleep(60)", timesOut, brieflyAtTerminal),
    python("a new terminal again and again", "import os\nfor _ in range(3000):\n  a, b = os.openpty(); os.close(a); os.close(b)\nprint('over')", over, atTerminal),
    python("a full buffer of every terminal", "import os\nn = 0\ntry:\n  while True:\n    a, b = os.openpty(); n += 1\n    for f in a, b:\n      os.set_blocking(f, False)\n      try:\n        while True: os.write(f, b'x' * 4096)\n      except BlockingIOError: pass\nexcept OSError: pass\nprint('over')", over, atTerminal),
    python("signals of a terminal that it ignores", "import signal, time\nfor s in signal.valid_signals():\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass\nwhile True: time.sleep(1)", timesOut, brieflyAtTerminal),
    python("a program that stops its own output", "import termios\ntermios.tcflow(1, termios.TCOOFF)\nprint('x' * 100_000)", timesOut, brieflyAtTerminal),
    python("a program that stops itself", "import os, signal\nos.kill(0, signal.SIGSTOP)", timesOut, brieflyAtTerminal),
    python("children in the background that may not write", "import os, termios, time\na = termios.tcgetattr(0); a[3] |= termios.TOSTOP; termios.tcsetattr(0, termios.TCSANOW, a)\nfor _ in range(20):\n  if os.fork() == 0:\n    os.setpgid(0, 0)\n    while True: os.write(1, b'x')\ntime.sleep(0.2); print('over')", ends("success"), atTerminal),
    python("children that have left its session and hold its terminal", "import os, signal, time\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\nfor _ in range(20):\n  if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n      while True: os.write(1, b'x') or time.sleep(0.01)\n    os._exit(0)\nprint('over')", (report, scene) => {
      assert.equal(report.status, "success");
      return inTime(report, scene);
    }, atTerminal),
    python("a terminal that it gives up, and takes again", "import fcntl, os, termios\nfcntl.ioctl(0, termios.TIOCNOTTY)\ntry: os.open('/dev/tty', os.O_RDWR); print('opened')\nexcept OSError: pass\nfcntl.ioctl(0, termios.TIOCSCTTY, 0); os.write(os.open('/dev/tty', os.O_RDWR), b'over\\n')", ends("success", "error", "killed"), atTerminal),
    python("a terminal for itself alone", "import fcntl, os, termios\nfcntl.ioctl(0, termios.TIOCEXCL)\nos.closerange(0, 3)", ends("success"), atTerminal),
    python("a terminal that it turns off", "import termios\na = termios.tcgetattr(0)\na[0] = a[1] = a[3] = 0; a[2] &= ~termios.CREAD; a[4] = a[5] = 0; a[6] = [b'\\xff'] * len(a[6])\ntermios.tcsetattr(0, termios.TCSANOW, a)\nprint('over', end='')", ends("success", "killed"), atTerminal),
    python("a size without end", "import fcntl, struct\nfcntl.ioctl(0, 0x5414, struct.pack('HHHH', 65535, 65535, 65535, 65535)); print('over')", over, atTerminal),
    python("output without end at a terminal", "import os\nwhile True: os.write(1, b'x\\n' * 1000)", ends("output"), { ...atTerminal, limits: { maxOutputBytes: 65_536 } }),
    python("packets of a terminal that tells of itself", "import fcntl, os, struct\na, b = os.openpty()\nfcntl.ioctl(a, 0x5420, struct.pack('i', 1)); os.write(b, b'y'); print(os.read(a, 10)); print('over')", over, atTerminal),
    typed("more than is read, without a line end", "import time\nprint('ready'); time.sleep(0.5); print('over')", async (terminal) => {
      await terminal.shows("ready");
      for (let piece = 0; piece < 9; piece++) terminal.type("x".repeat(1_000_000));
    }, ["success", "output"]),
    typed("more than is read, at a raw terminal", "import time, tty\ntty.setraw(0); print('ready', flush=True); time.sleep(60)", async (terminal) => {
      await terminal.shows("ready");
      for (let piece = 0; piece < 9; piece++) terminal.type("x".repeat(1_000_000));
    }, ["timeout"], briefly),
    typed("to a program that writes back all and reads nothing", "import time\nprint('ready')\nwhile True: print('x' * 1000)", async (terminal) => {
      await terminal.shows("ready");
      for (let line = 0; line < 1_000; line++) terminal.type(`${"y".repeat(1_000)}\n`);
    }, ["output"]),
    typed("a storm of sizes and interrupts", "import signal, time\nfor s in signal.SIGWINCH, signal.SIGINT, signal.SIGQUIT: signal.signal(s, lambda *_: None)\nprint('ready', flush=True)\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end: time.sleep(0.01)\nprint('over')", async (terminal) => {
      await terminal.shows("ready");
      for (let turn = 0; turn < 3_000; turn++) {
        terminal.resize((turn % 1_000) + 1, 24);
        terminal.type("\x03\x1c\x1a");
      }
    }, ["success"]),
    typed("nonsense instead of a size", "print('ready'); input()", async (terminal) => {
      await terminal.shows("ready");
      terminal.resize(-1, 1e9);
      terminal.type("\n");
    }, ["timeout"], briefly),
    {
      name: "a run that ends while its terminal is full and its client reads nothing",
      async act({ runner, marker }) {
        const terminal = await Terminal.start(runner, "python", "import os\nwhile True: os.write(1, b'x' * 10_000)", { args: [marker], limits: { timeoutMs: 1_000, maxOutputBytes: 10_485_760 } }, false);
        await until("nothing to be left", () => processesWith(marker).length === 0, 30);
        terminal.leave();
      },
    },
    {
      name: "the next run in every slot after a terminal was taken and broken",
      async act(scene) {
        const breaks = "import fcntl, os, termios\nfcntl.ioctl(0, termios.TIOCEXCL); termios.tcflow(1, termios.TCOOFF)\nos.kill(os.getpid(), 9)";
        const { slots } = await scene.runner.health();
        await Promise.all(Array.from({ length: slots }, () => attempt(scene, "python", breaks, atTerminal)));
        const reports = await Promise.all(Array.from({ length: slots }, () => attempt(scene, "python", "print('over')", atTerminal)));
        assert.deepEqual(reports.map(({ stdout }) => stdout), Array(slots).fill("over\r\n"));
      },
    },
  ],
};

/** What a run beside another one that has terminals finds of them. */
export const terminalsOfOthers: Theme = {
  name: "terminals of others",
  attacks: [
    meanwhile("terminals of another run", "pass", "import os\nprint(sorted(os.listdir('/dev/pts')))\nfor n in range(1, 200):\n  try: os.open(f'/dev/pts/{n}', os.O_RDWR); print('opened', n)\n  except OSError: pass", "['0', 'ptmx']\r\n", atTerminal),
    meanwhile("terminals of another run, from one without", "import pty; a, b = pty.openpty()", "import os\nprint(sorted(os.listdir('/dev/pts')))", "['ptmx']\n"),
  ],
};
