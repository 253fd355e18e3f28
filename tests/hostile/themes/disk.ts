//! Files without end: bytes, inodes, descriptors and everything else that a kernel keeps count of.

import assert from "node:assert/strict";
import { apart, ends, node, prints, printsOnly, python, shell, type Property, type Theme } from "../attack.ts";
import type { Rest } from "../../harness/jobs.ts";

/** Files and directories of one run. */
const INODES = 32_768;

/** Three quarters of the memory may be files. */
const LIMIT_MB = 128;
const limited: Rest = { limits: { memoryMB: LIMIT_MB } };
/** Room for a Node beside three quarters of it. */
const roomy: Rest = { limits: { memoryMB: 256 } };

/**
 * Asserts that the number a program printed last lies in this range. Where files are watched, who passes a limit is ended,
 * and they lie on a disk, which may be too slow to pass it in time.
 */
const counts = (least: number, most: number): Property => (report, scene) => {
  if (scene.tier === "shared" && ["memory", "timeout"].includes(report.status)) return;
  const count = Number(report.stdout.trim().split("\n").at(-1));
  assert.ok(count >= least && count <= most, `${count}: ${report.status} ${report.stderr.slice(-500)}`);
};

/** Writes pieces of 1 MiB until there is no room and prints how many went in. */
const fill = (places: string) => `
n = 0
for place in ${places}:
  try:
    with open(place, 'wb', 0) as f:
      while True: n += f.write(bytes(1 << 20)) // (1 << 20)
  except OSError: pass
print(n)`;

export const disk: Theme = {
  name: "disk",
  crowd: true,
  attacks: [
    python("/tmp full", fill("['/tmp/a']"), counts(1, 100), limited),
    python("all places full: one limit for all of them", fill("['/tmp/a', '/workspace/a', '/dev/shm/a', '/tmp/b', '/dev/shm/b']"), counts(1, 96), limited),
    apart(python("files that are deleted while they are open", "f = []; n = 0\nimport os\ntry:\n  while True:\n    x = open('/tmp/a', 'wb', 0); os.unlink('/tmp/a'); f.append(x)\n    n += x.write(bytes(1 << 20)) // (1 << 20)\nexcept OSError: print(n)", counts(1, 96), limited)),
    apart(python("files without a name", "import os\nf = []; n = 0\ntry:\n  while True: f.append(os.open('/tmp', os.O_TMPFILE | os.O_RDWR)); n += os.write(f[-1], bytes(1 << 20)) >> 20\nexcept OSError: print(n)", counts(0, 96), limited)),
    apart(python("room that is reserved", "import os\nf = os.open('/tmp/a', os.O_CREAT | os.O_RDWR)\ntry: os.posix_fallocate(f, 0, 99 << 20); print('reserved')\nexcept OSError as e: print('refused')", prints("refused\n"), limited)),
    python("one file that takes all the room there is", "f = open('/tmp/a', 'wb', 0)\nn = 0\ntry:\n  while True: n += f.write(bytes(1 << 20)) >> 20\nexcept OSError as e: print(n)", counts(380, 384), { limits: { memoryMB: 512 } }),
    python("a sparse file of a terabyte", "import os\nf = open('/tmp/a', 'wb')\ntry: f.truncate(1 << 40); print('made')\nexcept OSError: print('refused')", printsOnly(/^refused$/), { ...limited }),
    python("inodes", "n = 0\ntry:\n  while n < 100_000: open(f'/tmp/{n}', 'w').close(); n += 1\nexcept OSError: pass\nprint(n)", counts(1_000, INODES)),
    python("directories in directories", "import os\nn = 0\ntry:\n  while n < 100_000: os.mkdir('d'); os.chdir('d'); n += 1\nexcept OSError: pass\nprint(n)", ends("success", "timeout"), { limits: { timeoutMs: 2_000 } }),
    python("links", "import os\nopen('a', 'w').close(); n = 0\ntry:\n  while n < 100_000: os.link('a', f'l{n}'); n += 1\nexcept OSError: pass\nprint(n)", counts(1_000, INODES)),
    python("symbolic links with long targets", "import os\nn = 0\ntry:\n  while n < 100_000: os.symlink('x' * 4000, f'l{n}'); n += 1\nexcept OSError: pass\nprint(n)", counts(1_000, INODES)),
    python("extended attributes", "import os\nopen('a', 'w').close(); n = 0\ntry:\n  while n < 10_000: os.setxattr('a', f'user.{n}', bytes(60_000)); n += 1\nexcept OSError: pass\nprint(n)", counts(0, 2_000), limited),
    python("names that are long, wrong and hostile", "import os\nfor n in b'a' * 255, b'\\xff\\xfe', b'a\\nb', b'-rf', b'$(reboot)', b' ', b'\\x1b[2J', b'..a': os.mkdir(n); open(n + b'/x', 'w').close()\nprint(len(os.listdir(b'.')))", prints("9\n")),
    python("a tree that nobody may enter", "import os\nos.makedirs('a/b/c'); open('a/b/c/x', 'w').close(); os.chmod('a/b/c', 0); os.chmod('a/b', 0); os.chmod('a', 0); os.chmod('/workspace', 0); print('made')", prints("made\n")),
    python("links in a circle", "import os\nos.symlink('b', 'a'); os.symlink('a', 'b'); os.symlink('.', 'c'); os.symlink('/', 'd'); print('made')", prints("made\n")),
    node("/tmp full", "const fs = require('fs'); let n = 0; try { const f = fs.openSync('/tmp/a', 'w'); const b = Buffer.alloc(1 << 20); for (;;) n += fs.writeSync(f, b) >> 20 } catch {} console.log(n)", counts(1, 192), roomy),
    // Where files are watched, a program that passes the limit is ended.
    shell("dd until there is no room", "dd if=/dev/zero of=/tmp/a bs=1M count=500 2>/dev/null || echo stopped", (report, scene) => {
      if (scene.tier !== "shared" || report.status !== "memory") return prints("stopped\n")(report, scene);
    }, limited),
  ],
};

const LIMIT = 1_024;
const hoard = (make: string) => `import os, select, signal, socket, ctypes\nkept = []; n = 0\ntry:\n  while n < 100_000: kept.append(${make}); n += 1\nexcept OSError: pass\nprint(n)`;

export const descriptors: Theme = {
  name: "descriptors and kernel objects",
  attacks: [
    python("files", hoard("os.open('/dev/null', 0)"), counts(1, LIMIT)),
    python("pipes", hoard("os.pipe()"), counts(1, LIMIT / 2)),
    python("sockets", hoard("socket.socket(socket.AF_UNIX)"), counts(1, LIMIT)),
    python("epoll sets", hoard("select.epoll()"), counts(1, LIMIT)),
    python("event counters", hoard("os.eventfd(0)"), counts(1, LIMIT)),
    // Where no group counts memory, there is none that no mapping shows.
    python("memory files", hoard("os.memfd_create('a')"), (report, scene) => counts(scene.capsMemory ? 1 : 0, scene.capsMemory ? LIMIT : 0)(report, scene)),
    python("file watches", "import ctypes\nl = ctypes.CDLL(None); n = 0\nwhile n < 100_000 and l.inotify_init1(0) != -1: n += 1\nprint(n)", counts(0, 0)),
    python("timers", "import ctypes\nl = ctypes.CDLL(None); n = 0\nt = ctypes.c_void_p()\nwhile n < 100_000 and l.timer_create(1, None, ctypes.byref(t)) == 0: n += 1\nprint(n)", counts(0, 20_000)),
    python("queued signals", "import os, signal, ctypes\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\nl = ctypes.CDLL(None); n = 0\nwhile n < 100_000 and l.sigqueue(os.getpid(), 40, 0) == 0: n += 1\nprint(n)", counts(1, LIMIT)),
    python("descriptors in flight", "import array, os, socket\nn = 0; kept = []\ntry:\n  while n < 100_000:\n    a, b = socket.socketpair(); a.setblocking(False)\n    for _ in range(100): a.sendmsg([b'x'], [(1, 1, array.array('i', [a.fileno()] * 250))]); n += 250\nexcept OSError: pass\nprint(n)", ends("success", "memory", "timeout"), { limits: { timeoutMs: 3_000 } }),
    python("file locks", "import fcntl\nf = open('a', 'w'); n = 0\ntry:\n  while n < 50_000: fcntl.lockf(f, fcntl.LOCK_EX, 1, n * 2); n += 1\nexcept OSError: pass\nprint(n)", ends("success", "memory", "timeout"), { limits: { memoryMB: 128, timeoutMs: 1_000 } }),
    python("message queues and shared segments", "import ctypes\nl = ctypes.CDLL(None)\nfor f in (lambda: l.shmget(0, 1 << 20, 0o1666)), (lambda: l.msgget(0, 0o1666)), (lambda: l.semget(0, 10, 0o1666)), (lambda: l.syscall(240, b'q', 66, 0o666, None)): print('made' if f() != -1 else 'refused')", prints("refused\n".repeat(4))),
    node("files", "const fs = require('fs'); let n = 0; try { for (;;) { fs.openSync('/dev/null'); n++ } } catch {} console.log(n)", counts(1, LIMIT)),
  ],
};
