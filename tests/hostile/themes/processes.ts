//! Processes without end, and processes that would outlive their run.

import assert from "node:assert/strict";
import { all, attempt, briefly, ends, node, prints, python, shell, timesOut, type Attack, type Property, type Theme } from "../attack.ts";
import type { Rest } from "../../harness/jobs.ts";
import { processesWith } from "../../harness/runner.ts";

/** Processes and threads of a run, with a little room for those that make and watch its jail. */
const MOST = 130;

/** Asserts that the number a program printed last is that of what it could start at once. */
const boundedAt = (most: number): Property => (report) => {
  const count = Number(report.stdout.trim().split("\n").at(-1));
  assert.ok(count >= 1 && count <= most, `${report.stdout.slice(-200)} ${report.stderr.slice(-500)}`);
};

/** Only the clock ends it. Where memory is watched and not capped, the watch may be first: a tree holds it for real. */
const neverEnds: Property = (report, scene) => (scene.capsMemory ? timesOut : ends("timeout", "memory"))(report, scene);

/** Without namespaces nobody may look closely enough at a program's memory to count shared pages once, so it may be too much. */
const sharedOnce: Property = (report, scene) => (scene.tier === "shared" && report.status === "memory" ? undefined : prints("all\n")(report, scene));

/** Enough memory for as many interpreters as there may be processes. */
const roomy: Rest = { limits: { memoryMB: 2_048 } };

const stubborn = ends("timeout", "memory", "killed", "error", "output");

/** An answer says that the tree is empty, so nothing of it may be found when the answer is there, and not only later. */
const emptyAtOnce: Attack = {
  name: "python: thirty survivors, looked for as soon as the answer is there",
  async act(scene) {
    const leave = "import os\nfor _ in range(30):\n  if os.fork() == 0:\n    os.setsid()\n    os.closerange(0, 3)\n    os.execvp('sh', ['sh', '-c', 'while :; do sleep 1; done', 'MARKER'])\nprint('on')";
    for (let run = 0; run < 10; run++) {
      const { stdout } = await attempt(scene, "python", leave);
      assert.deepEqual([stdout, processesWith(scene.marker)], ["on\n", []]);
    }
  },
};

export const bombs: Theme = {
  name: "process bombs",
  crowd: true,
  attacks: [
    python("fork bomb", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", neverEnds, briefly),
    shell("fork bomb", "bomb() { bomb | bomb & }; bomb; while :; do :; done", stubborn, briefly),
    node("fork bomb", "const { spawn } = require('child_process'); const f = () => { try { spawn(process.execPath, [__filename]).on('error', () => {}) } catch {} setImmediate(f) }; f()", stubborn, briefly),
    python("fork bomb that ignores every signal", "import os, signal\nfor s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass\nwhile True:\n  try: os.fork()\n  except OSError: pass", neverEnds, briefly),
    python("fork bomb with a session each", "import os\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: pass", neverEnds, briefly),
    python("how many sleeping children", "import os, signal\nn = 0\ntry:\n  while n < 5000:\n    if os.fork() == 0: signal.pause()\n    n += 1\nexcept OSError: pass\nprint(n)", boundedAt(MOST), roomy),
    python("how many zombies", "import os\nn = 0\ntry:\n  while n < 5000:\n    if os.fork() == 0: os._exit(0)\n    n += 1\nexcept OSError: pass\nprint(n)", boundedAt(MOST)),
    python("how many threads", "import threading\ne = threading.Event(); n = 0\ntry:\n  while n < 5000: threading.Thread(target=e.wait, daemon=True).start(); n += 1\nexcept RuntimeError: pass\nprint(n)", boundedAt(MOST)),
    node("how many workers", "const { Worker } = require('worker_threads'); let n = 0; const f = () => { if (n > 500) return end(); const w = new Worker('setInterval(() => {}, 1e6)', { eval: true }); w.on('online', () => { n++; f() }).on('error', end) }; const end = () => { console.log(n); process.exit() }; f()", stubborn, { limits: { timeoutMs: 2_000 } }),
    python("children of children of children", "import os\nd = 0\ntry:\n  while os.fork() == 0: d += 1\nexcept OSError: os.write(1, b'%d\\n' % d); os._exit(0)\nos.wait()", boundedAt(MOST), roomy),
    python("sixty forks that touch nothing: pages that they share are held once", "import os, signal\nr, w = os.pipe()\na = bytearray(50 << 20)\nfor _ in range(60):\n  if os.fork() == 0: os.write(w, b'x'); signal.pause()\nfor _ in range(60): os.read(r, 1)\nprint('all')", sharedOnce),
    python("two that bring each other back", "import os, sys\nMARK = 'MARKER'\ndef live():\n  while True:\n    p = os.fork()\n    if p: os.waitpid(p, 0)\nlive()", neverEnds, briefly),
    shell("a program that becomes itself again and again", "exec sh attack.sh MARKER", neverEnds, briefly),
    python("pidfds without end", "import os, resource\nn = 0\ntry:\n  while True: os.pidfd_open(os.getpid()); n += 1\nexcept OSError: print(n)", boundedAt(1_024)),
    python("a limit that would be lifted", "import resource\nfor r in resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK:\n  try: resource.setrlimit(r, (resource.RLIM_INFINITY,) * 2); print('lifted', r)\n  except (ValueError, OSError): print('kept')", prints("kept\n".repeat(5))),
  ],
};

/** Ends by itself, at once, and what it left behind does not hold it up. */
const done = all(ends("success"), prints("done\n"));
const stay = "['sh', '-c', 'while :; do sleep 1; done', 'MARKER']";

export const survivors: Theme = {
  name: "survivors",
  crowd: true,
  attacks: [
    emptyAtOnce,
    python("a child", `import subprocess; subprocess.Popen(${stay}); print('done')`, done),
    python("a child in a session of its own", `import subprocess; subprocess.Popen(${stay}, start_new_session=True); print('done')`, done),
    python("a double fork", `import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os.execvp('sh', ${stay})\n  os._exit(0)\nos.wait(); print('done')`, done),
    python("a daemon that closes everything", `import os\nif os.fork() == 0:\n  os.setsid(); os.chdir('/'); os.umask(0)\n  if os.fork() == 0:\n    os.closerange(0, 1024); os.execvp('sh', ${stay})\n  os._exit(0)\nos.wait(); print('done')`, done),
    python("a daemon that holds the output open", `import os\nif os.fork() == 0: os.execvp('sh', ${stay})\nprint('done')`, done),
    python("a daemon that ignores signals", `import os, signal\nif os.fork() == 0:\n  for s in range(1, 32):\n    if s not in (9, 19): signal.signal(s, signal.SIG_IGN)\n  os.execvp('sh', ${stay})\nprint('done')`, done),
    python("a child that was stopped", `import os, signal, subprocess\np = subprocess.Popen(${stay}); p.send_signal(signal.SIGSTOP); os.waitid(os.P_PID, p.pid, os.WSTOPPED); print('done')`, done),
    python("a subreaper's children", `import ctypes, os\nctypes.CDLL(None).prctl(36, 1)\nif os.fork() == 0:\n  if os.fork() == 0: os.execvp('sh', ${stay})\n  os._exit(0)\nos.wait(); print('done')`, done),
    python("a fork at the very end", `import atexit, os\natexit.register(lambda: os.fork() == 0 and os.execvp('sh', ${stay}))\nprint('done', flush=True)`, done),
    python("a fork that asks for no death signal and another name", `import ctypes, os\nif os.fork() == 0:\n  ctypes.CDLL(None).prctl(1, 0); ctypes.CDLL(None).prctl(15, b'kworker/0:1'); os.execvp('sh', ${stay})\nprint('done')`, done),
    python("a thread", "import threading, os\nthreading.Thread(target=threading.Event().wait).start()\nprint('done', flush=True); os._exit(0)", done),
    python("a group of a hundred", `import subprocess\nfor _ in range(100): subprocess.Popen(['sleep', '1000', 'MARKER'], stderr=-3)\nprint('done')`, done),
    python("a descriptor of the output that nobody owns but the kernel", "import array, os, socket\na, b = socket.socketpair()\na.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1, 2, a.fileno(), b.fileno()]))])\nprint('done')", done),
    python("the same in a queue of a listener", "import array, os, socket\ns = socket.socket(socket.AF_UNIX); s.bind('/tmp/s'); s.listen()\nc = socket.socket(socket.AF_UNIX); c.connect('/tmp/s')\nc.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1, 2, s.fileno(), c.fileno()]))])\nprint('done')", done),
    python("a writer that fills the pipe for ever", "import os, sys\nprint('done', flush=True)\nif os.fork() == 0:\n  while True: os.write(2, b'x' * 4096)\nos._exit(0)", ends("success", "output")),
    node("a detached child", "require('child_process').spawn('sh', ['-c', 'while :; do sleep 1; done', 'MARKER'], { detached: true, stdio: 'ignore' }).unref(); console.log('done')", done),
    node("a detached child with the output", "require('child_process').spawn('sh', ['-c', 'while :; do sleep 1; done', 'MARKER'], { detached: true, stdio: 'inherit' }).unref(); console.log('done'); process.exit()", done),
    shell("nohup", "nohup sh -c 'while :; do sleep 1; done' MARKER >/dev/null 2>&1 &\necho done", done),
    shell("a trap and a background loop", "trap '' HUP TERM INT QUIT\n(trap '' HUP TERM; while :; do sleep 1; done) &\necho done", done),
    shell("setsid, twice", "setsid setsid sh -c 'while :; do sleep 1; done' MARKER &\necho done", done),
  ],
};
