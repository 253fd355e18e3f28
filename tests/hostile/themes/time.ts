//! Programs that do not end by themselves, however they go about it.

import { all, briefly, ends, node, python, shell, timesOut, prints, type Property, type Theme } from "../attack.ts";
import assert from "node:assert/strict";

const late = (text: string) => all(timesOut, prints(text));

/** Asserts that the limit of processor time ended a run. */
const usesUp: Property = (report) => {
  assert.deepEqual([report.status, report.exitCode, report.limit], ["timeout", 124, "cpuMs"], JSON.stringify(report.usage));
  assert.ok(report.usage.cpuMs < 4_000, JSON.stringify(report.usage));
};

export const time: Theme = {
  name: "time",
  crowd: true,
  attacks: [
    python("a loop", "print('begun')\nwhile True: pass", late("begun\n"), briefly),
    python("a wait", "import signal\nprint('begun')\nsignal.pause()", late("begun\n"), briefly),
    python("a loop in C", "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')", timesOut, briefly),
    python("every signal ignored", "import signal\nfor s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass\nwhile True: pass", timesOut, briefly),
    python("every signal blocked", "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: signal.sigwait([64])", timesOut, briefly),
    python("itself stopped", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", timesOut, briefly),
    python("everybody stopped", "import os, signal\nfor _ in range(5):\n  if os.fork() == 0:\n    while True: pass\nos.kill(-1, signal.SIGSTOP); os.kill(0, signal.SIGSTOP)", timesOut, briefly),
    python("a main thread that leaves", "import ctypes, threading\ndef f():\n  while True: pass\nthreading.Thread(target=f).start()\nctypes.CDLL(None).pthread_exit(0)", timesOut, briefly),
    python("a parent that waits for a child without end", "import os\nif os.fork() == 0:\n  while True: pass\nos.wait()", timesOut, briefly),
    python("two processors at once", "import os\nos.fork()\nwhile True: pass", (report, scene) => {
      timesOut(report, scene);
      assert.ok(report.usage.cpuMs > 0);
    }, briefly),
    python("a storm of signals", "import os, signal\nsignal.signal(signal.SIGUSR1, lambda *a: None)\nme = os.getpid()\nif os.fork() == 0:\n  while True: os.kill(me, signal.SIGUSR1)\nwhile True: pass", timesOut, briefly),
    python("a vfork that hangs", "import ctypes, os\nl = ctypes.CDLL(None)\np = os.fork()\nif p == 0: l.syscall(58 if os.uname().machine == 'x86_64' else 220, 0x4111, 0, 0, 0, 0); l.pause()\nos.wait()", timesOut, briefly),
    python("output that waits for a reader", "import os\nos.set_blocking(1, True)\nr, w = os.pipe()\nos.write(w, bytes(65536)); os.write(w, b'x')", timesOut, briefly),
    python("the highest priority there is", "import os\ndid = []\nfor f in (lambda: os.nice(-20)), (lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))), (lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))):\n  try: f(); did.append('raised')\n  except OSError: did.append('refused')\nprint(did)", prints("['refused', 'refused', 'refused']\n")),
    python("a hundred loops", "import os\nfor _ in range(100):\n  if os.fork() == 0:\n    while True: pass\nos.wait()", timesOut, { limits: { ...briefly.limits, memoryMB: 2_048 } }),
    python("a trace of itself that stops", "import ctypes, os, signal\nl = ctypes.CDLL(None)\nl.ptrace(0, 0, 0, 0); os.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass", timesOut, briefly),
    python("a clean end in the last moment", "import signal, sys\nsignal.signal(signal.SIGALRM, lambda *a: sys.exit(0)); signal.setitimer(signal.ITIMER_REAL, 0.4)\nsignal.pause()", ends("success", "timeout"), { limits: { timeoutMs: 400 } }),
    python("processor time that a tree uses up", "import os\nfor _ in range(3): os.fork()\nwhile True: pass", usesUp, { limits: { cpuMs: 400 } }),
    python("processor time that orphans use up one after the other", "import os, time\nwhile True:\n  if os.fork() == 0:\n    if os.fork() == 0:\n      end = time.process_time() + 0.02\n      while time.process_time() < end: pass\n    os._exit(0)\n  os.wait(); time.sleep(0.01)", usesUp, { limits: { cpuMs: 400 } }),
    node("a loop", "console.log('begun'); for (;;);", timesOut, briefly),
    node("microtasks without end", "const f = () => Promise.resolve().then(f); f()", ends("timeout", "memory"), briefly),
    node("a wait that nobody ends", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", timesOut, briefly),
    node("workers in loops", "const { Worker } = require('worker_threads'); for (let i = 0; i < 4; i++) new Worker('for(;;);', { eval: true })", timesOut, briefly),
    node("an exit listener that does not", "process.on('exit', () => { for (;;); })", timesOut, briefly),
    node("signals refused", "for (const s of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']) process.on(s, () => {}); setInterval(() => {}, 1000)", timesOut, briefly),
    shell("a loop with traps", "trap '' 1 2 3 15\nwhile :; do :; done", timesOut, briefly),
    shell("a pipe that waits for itself", "mkfifo /tmp/p; cat /tmp/p", timesOut, briefly),
  ],
};
