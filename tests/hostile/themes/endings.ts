//! Programs that take the kernel long to take apart, or that keep those from their turn who are to end them.

import assert from "node:assert/strict";
import { attempt, thenMany, timesOut, type Attack } from "../attack.ts";
import type { Theme } from "../attack.ts";
import type { Rest } from "../../harness/jobs.ts";

/** Children that hold as many mappings as a process may have, which makes each of them die slowly. */
const mappings = (children: number) => `import ctypes, os, time
l = ctypes.CDLL(None, use_errno=True)
l.mmap.restype = ctypes.c_void_p
l.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
l.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
r, w = os.pipe()
for k in range(${children}):
  if os.fork() == 0:
    a = l.mmap(None, 66_000 * 4096, 0, 0x4022, -1, 0)
    for i in range(0, 66_000, 2):
      if l.mprotect(a + i * 4096, 4096, 1) != 0: break
    os.write(w, b'x'); time.sleep(600)
for k in range(${children}): os.read(r, 1)
print('held', flush=True)
time.sleep(600)`;

const loops = "import os\nfor _ in range(110):\n  if os.fork() == 0:\n    while True: pass\nos.wait()";

/** Several of the same program at once; each is answered in time. */
const together = (name: string, count: number, code: string, rest: Rest): Attack => ({
  name: `python: ${name}`,
  async act(scene) {
    // More than there are slots would wait, and be refused in the end.
    const { slots } = await scene.runner.health();
    const reports = await Promise.all(Array.from({ length: Math.min(count, slots) }, () => attempt(scene, "python", code, rest)));
    for (const report of reports) {
      // Where memory is watched and not capped, the watch may be first.
      if (!scene.capsMemory && report.status === "memory") continue;
      await timesOut(report, scene);
    }
  },
});

/** The program ends by itself, and what it leaves takes long: that concerns the slot and not the result. */
const leaves: Attack = {
  name: "python: a clean end that leaves thirty children with all the mappings they may have",
  async act(scene) {
    const code = mappings(30).replace("print('held', flush=True)\ntime.sleep(600)", "print('held', flush=True)\nos._exit(0)");
    const report = await attempt(scene, "python", code, { limits: { timeoutMs: 60_000, memoryMB: 1_024 } });
    if (!scene.capsMemory && report.status === "memory") return;
    assert.deepEqual([report.status, report.exitCode, report.stdout], ["success", 0, "held\n"], JSON.stringify(report));
  },
};

export const endings: Theme = {
  name: "endings",
  attacks: [
    thenMany(together("sixteen children with all the mappings they may have", 1, mappings(16), { limits: { timeoutMs: 3_000, memoryMB: 256 } })),
    thenMany(together("a hundred of them", 1, mappings(100), { limits: { timeoutMs: 15_000, memoryMB: 2_048 } })),
    together("three runs with forty each", 3, mappings(40), { limits: { timeoutMs: 15_000, memoryMB: 1_024 } }),
    leaves,
    together("two runs of a hundred loops", 2, loops, { limits: { timeoutMs: 3_000, memoryMB: 1_024 } }),
  ],
};
