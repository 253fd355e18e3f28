//! Programs that take more memory than they were given, from wherever there is some.

import assert from "node:assert/strict";
import { all, attempt, ends, inTime, node, prints, python, type Attack, type Property, type Scene, type Theme } from "../attack.ts";
import { socketPages } from "../machine.ts";
import type { Report, Rest } from "../../harness/jobs.ts";

const LIMIT_MB = 128;
const limited: Rest = { limits: { memoryMB: LIMIT_MB, timeoutMs: 10_000 } };

/** What a program gets that wants far more than its limit. It may notice by itself; it may not have its way. */
const stopped: Property = (report, scene) => {
  assert.ok(["memory", "error", "killed"].includes(report.status), describe(report));
  assert.ok(!report.stdout.includes("got it"), describe(report));
  within(report, scene);
};

/** What a run used stays below what it was given. Where memory is only watched, a fast program is seen late. */
const within = (report: Report, { capsMemory }: Scene) => {
  if (capsMemory) assert.ok(report.usage.memMB <= LIMIT_MB * 1.05, describe(report));
};

/** Memory was the reason, and the result says so. */
const outOfMemory: Property = (report, scene) => {
  assert.equal(report.status, "memory", describe(report));
  within(report, scene);
};

/** Where its memory is said to be the reason, it has reached its limit: otherwise the machine would be taken to have none left. */
const itself: Property = ({ status, usage }) => assert.ok(status !== "memory" || usage.memMB >= 0.9 * 16, `${usage.memMB} MiB`);

/** Reaches a limit of its own, of its kind of object, before or after the one of the memory. */
const bounded: Property = (report, scene) => within(report, scene);

const describe = (report: Report) => JSON.stringify({ ...report, stdout: report.stdout.slice(-300), stderr: report.stderr.slice(-500) });

/** 600 MB, page by page, then a word that nobody should read. */
const touch = "for i in range(0, len(m), 4096): m[i] = 1\nprint('got it')";

/** Leaves a place full of files and then wants it small: what a place once held must not be held against the next. */
const smallAfterLarge: Attack = {
  name: "python: a small run after a large one in the same place",
  async act(scene) {
    const fill = "open('/tmp/a', 'wb').write(bytes(90 << 20)); open('/tmp/b', 'wb').write(bytes(90 << 20)); print('full')";
    for (let round = 0; round < 4; round++) {
      const large = await Promise.all(Array.from({ length: 4 }, () => attempt(scene, "python", fill, { limits: { memoryMB: 512 } })));
      assert.deepEqual(large.map(({ stdout }) => stdout), Array(4).fill("full\n"), JSON.stringify(large));
      const small = await Promise.all(Array.from({ length: 4 }, () => attempt(scene, "python", "print(1)", { limits: { memoryMB: 32 } })));
      assert.deepEqual(small.map(({ status, stdout }) => [status, stdout]), Array(4).fill(["success", "1\n"]));
    }
  },
};

/** Sends where nobody reads, from many processes, until there is no room; then says so and stays. */
const flood = (make: string) => `import os, socket, time
r, w = os.pipe()
for k in range(12):
  if os.fork() == 0:
    keep = []; p = bytes(65_000)
    try:
      while len(keep) < 900:
${make.replaceAll(/^/gm, "        ")}
    except OSError: pass
    os.write(w, b'x'); time.sleep(600)
for k in range(12): os.read(r, 1)
print('held', flush=True)
time.sleep(600)`;
const datagrams = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(1, 8, 1 << 24); s.bind(('127.0.0.1', 0)); keep.append(s)\nfor _ in range(8):\n  try: s.sendto(p, 0x40, s.getsockname())\n  except OSError: break";
const streams = "l = socket.create_server(('127.0.0.1', 0)); a = socket.create_connection(l.getsockname()); b = l.accept()[0]; keep += [a, b, l]\nfor s in a, b:\n  s.setblocking(False)\n  try:\n    while True: s.send(p)\n  except BlockingIOError: pass";

/** Pages that the sockets of one run may hold: what a look every 25 ms lets pass on a busy machine. */
const SOCKET_PAGES = 65_536;

/** Programs may have what the buffers of their sockets may hold, and not what the machine has for all of them. */
const floods = (name: string, make: string): Attack => ({
  name: `python: ${name}`,
  // Without namespaces there are no such sockets.
  apart: true,
  async act(scene) {
    const before = socketPages();
    let most = 0;
    const looking = setInterval(() => (most = Math.max(most, socketPages() - before)), 20);
    const report = await attempt(scene, "python", flood(make), { limits: { memoryMB: LIMIT_MB, timeoutMs: 4_000 } }).finally(() => clearInterval(looking));
    ends("timeout", "memory", "error", "killed")(report, scene);
    inTime(report, scene);
    if (scene.capsMemory) assert.ok(most <= SOCKET_PAGES, `${most} pages: ${describe(report)}`);
    else assert.equal(report.status, "memory", describe(report));
  },
});

/** Pairs of sockets of the own file system, full to the brim. Where no group counts them, the watch does. */
const pairs = "import os, socket, time\nfor k in range(8):\n  if os.fork() == 0:\n    keep = []\n    try:\n      while True:\n        a, b = socket.socketpair(); keep += [a, b]; a.setblocking(False); a.setsockopt(1, 7, 1 << 24)\n        try:\n          while True: a.send(bytes(65536))\n        except BlockingIOError: pass\n    except OSError: pass\n    time.sleep(600)\ntime.sleep(600)";

export const memory: Theme = {
  name: "memory",
  crowd: true,
  attacks: [
    python("bytes", `m = bytearray(600 << 20)\n${touch}`, outOfMemory, limited),
    python("a list that grows", "a = []\nwhile True: a.append(bytes(100_000))", outOfMemory, limited),
    python("a string that doubles", "a = 'x'\nwhile True: a += a", stopped, limited),
    python("numbers that grow", "a = 2\nwhile True: a = a * a", ends("memory", "timeout", "error", "killed"), { limits: { memoryMB: LIMIT_MB, timeoutMs: 2_000 } }),
    python("a private mapping", `import mmap\nm = mmap.mmap(-1, 600 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n${touch}`, outOfMemory, limited),
    python("a shared mapping", `import mmap\nm = mmap.mmap(-1, 600 << 20)\n${touch}`, outOfMemory, limited),
    python("a memory file", "import os\nf = os.memfd_create('a')\nfor _ in range(6): os.write(f, bytes(90 << 20)); f = os.memfd_create('b')\nprint('got it')", stopped, limited),
    python("files in every writable place", "n = 0\nfor p in '/tmp/a', '/dev/shm/a', '/workspace/a', '/tmp/b', '/dev/shm/b', '/workspace/b':\n  try: open(p, 'wb').write(bytes(90 << 20)); n += 1\n  except OSError: pass\nprint('got it' if n > 1 else 'full')", (report, scene) => {
      assert.ok(!report.stdout.includes("got it"), describe(report));
      within(report, scene);
    }, limited),
    python("many small children", "import os, signal\nfor _ in range(60):\n  if os.fork() == 0:\n    a = bytearray(10 << 20); signal.pause()\nos.wait(); signal.pause()", ends("memory", "timeout"), { limits: { memoryMB: LIMIT_MB, timeoutMs: 3_000 } }),
    python("one child that dies for it", "import os\np = os.fork()\nif p == 0:\n  a = bytearray(600 << 20)\n  for i in range(0, len(a), 4096): a[i] = 1\n  os._exit(0)\nprint(os.waitpid(p, 0)[1])", (report, scene) => {
      // The tree is one; the kernel may end a part of it and the watch ends all of it.
      assert.notEqual(report.stdout, "0\n", describe(report));
      within(report, scene);
    }, limited),
    python("pipes that nobody reads", "import fcntl, os\np = []\ntry:\n  while True:\n    r, w = os.pipe(); p.append((r, w)); os.set_blocking(w, False)\n    try: fcntl.fcntl(w, 1031, 1 << 20)\n    except OSError: pass\n    try:\n      while True: os.write(w, bytes(65536))\n    except BlockingIOError: pass\nexcept OSError: print(len(p))", bounded, limited),
    python("socket buffers that nobody reads", "import socket\np = []\ntry:\n  while True:\n    a, b = socket.socketpair(); p.append((a, b)); a.setblocking(False); a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)\n    try:\n      while True: a.send(bytes(65536))\n    except BlockingIOError: pass\nexcept OSError: print(len(p))", bounded, limited),
    floods("datagrams that nobody reads", datagrams),
    floods("streams that nobody reads", streams),
    python("pairs of sockets in many processes", pairs, (report, scene) => {
      (scene.capsMemory ? ends("memory", "timeout", "killed", "error") : ends("memory"))(report, scene);
      within(report, scene);
    }, { limits: { memoryMB: LIMIT_MB, timeoutMs: 4_000 } }),
    python("a process that nobody may look into", `import ctypes\nprint('opaque', ctypes.CDLL(None).prctl(4, 0), flush=True)\nm = bytearray(600 << 20)\n${touch}`, outOfMemory, limited),
    python("page tables", "import mmap\np = []\ntry:\n  while True:\n    m = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000); p.append(m)\n    for i in range(0, 1 << 30, 2 << 20): m[i]\nexcept OSError: print(len(p))", bounded, { limits: { memoryMB: LIMIT_MB, timeoutMs: 2_000 } }),
    python("stacks of threads", "import threading\nthreading.stack_size(64 << 20)\ne = threading.Event()\ndef f(n): return e.wait() if n == 0 else f(n - 1)\ntry:\n  for _ in range(200): threading.Thread(target=f, args=(900,), daemon=True).start()\nexcept RuntimeError: print('no more')", bounded, limited),
    python("locked memory", "import ctypes\nl = ctypes.CDLL(None, use_errno=True)\nprint('locked' if l.mlockall(3) == 0 else 'refused')\nb = ctypes.create_string_buffer(64 << 20); print('locked' if l.mlock(b, 64 << 20) == 0 else 'refused')", (report) => assert.equal(report.stdout, "refused\nrefused\n", describe(report)), limited),
    python("a decompression bomb", "import zlib\nz = zlib.compress(bytes(200 << 20), 1) if False else zlib.compressobj(1)\nb = b''.join(z.compress(bytes(1 << 20)) for _ in range(600)) + z.flush()\nd = zlib.decompress(b)\nprint('got it')", stopped, limited),
    python("a victim offered instead of itself", "import os\nopen('/proc/self/oom_score_adj', 'w').write('0')\nopen('/tmp/a', 'wb').write(bytes(80 << 20))\nfor _ in range(100):\n  if os.fork() == 0: a = bytearray(4 << 20); os.execvp('sleep', ['sleep', '1000', 'MARKER'])\na = []\nwhile True: a.append(bytes(100_000))", ends("memory", "killed", "error", "timeout"), limited),
    python("sources that fill a small limit", `x = '''${"a".repeat(9 << 20)}'''\nprint(len(x))`, all(ends("memory", "error", "success", "killed"), itself), { limits: { memoryMB: 16 } }),
    node("buffers", "const a = []; for (;;) a.push(Buffer.alloc(10 << 20, 1))", stopped, limited),
    node("a heap", "const a = []; for (;;) a.push({ a: [1, 2, 3], b: String(a.length) })", stopped, limited),
    node("much garbage, and little that is alive", "let s = 0; for (let i = 0; i < 100; i++) { const a = new Array(1e6).fill(i + 0.5); s += a[5] } console.log(s)", prints("5000\n")),
    node("shared array buffers", "const a = []; for (;;) { const s = new Uint8Array(new SharedArrayBuffer(10 << 20)); s.fill(1); a.push(s) }", stopped, limited),
    node("WebAssembly memory", "const a = []; for (;;) { const m = new WebAssembly.Memory({ initial: 160 }); new Uint8Array(m.buffer).fill(1); a.push(m) }", stopped, limited),
    smallAfterLarge,
  ],
};
