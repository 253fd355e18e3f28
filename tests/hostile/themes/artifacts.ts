//! Files that a program hands back: nothing but its own, whatever it has put in their place.

import assert from "node:assert/strict";
import { python, type Attack, type Property, type Result } from "../attack.ts";
import type { Rest } from "../../harness/jobs.ts";
import type { Theme } from "../attack.ts";

/** Asserts which files came back, and how many more there were. */
const handsBack = (names: string[], omitted?: number): Property => (report) => {
  assert.deepEqual((report.artifacts ?? []).map(({ name }) => name), names, report.stderr);
  if (omitted !== undefined) assert.equal(report.artifactsOmitted ?? 0, omitted);
};

const inTime = (report: Result) => assert.ok(report.lateMs <= 500, `${report.lateMs} ms late`);

/** A program that hands back what matches. */
const gives = (name: string, patterns: string[], code: string, holds: Property, limits: Rest["limits"] = {}): Attack =>
  python(name, `import os, time\n${code}`, holds, { artifacts: { patterns, inline: true }, limits });

const everything = ["**"];

export const artifacts: Theme = {
  name: "artifacts",
  attacks: [
    gives("links to files of the machine", ["out/*"], "os.mkdir('out'); open('out/own', 'w').close()\nfor n, to in enumerate(['/etc/passwd', '/proc/self/environ', '/proc/1/environ', '../main.py', '/dev/zero']): os.symlink(to, f'out/{n}')", handsBack(["out/own"])),
    gives("a link to a directory of the machine", ["out/passwd", "out/**", "also/*"], "os.symlink('/etc', 'out'); os.mkdir('real'); open('real/a', 'w').close(); os.symlink('real', 'also')", handsBack([])),
    gives("pipes, sockets and devices", ["out/*"], "import socket, stat\nos.mkdir('out'); os.mkfifo('out/fifo'); s = socket.socket(socket.AF_UNIX); s.bind('out/socket'); os.mkdir('out/directory')\nfor kind in stat.S_IFCHR, stat.S_IFBLK:\n  try: os.mknod(f'out/device{kind}', kind | 0o666, os.makedev(1, 5))\n  except OSError: pass\nopen('out/own', 'w').close()", handsBack(["out/own"])),
    gives("a hard link to a file of the machine", ["out/*"], "os.mkdir('out'); open('out/own', 'w').close()\nfor n, path in enumerate(['/etc/passwd', '/usr/bin/env', '/proc/self/status']):\n  try: os.link(path, f'out/{n}')\n  except OSError: pass", handsBack(["out/own"])),
    gives("two names of one file", ["out/*"], "os.mkdir('out'); open('out/a', 'w').write('x'); os.link('out/a', 'out/b')", handsBack(["out/a", "out/b"])),
    gives("names with a line feed, and names that are no text", ["out/*"], "os.mkdir('out')\nfor name in b'a\\nb', b'-rf', b'$(id)', b'\\xff', b'<script>': open(b'out/' + name, 'w').close()", handsBack(["out/$(id)", "out/-rf", "out/<script>", "out/a\nb"], 0)),
    gives("a directory that is swapped while files are collected", ["out/*"], `
os.mkdir('a'); open('a/passwd', 'w').write('own'); os.symlink('/etc', 'b')
for _ in range(8):
  if os.fork() == 0:
    while True:
      try: os.rename('a', 'out'); os.rename('out', 'a')
      except OSError: pass
      try: os.rename('b', 'out'); os.rename('out', 'b')
      except OSError: pass
time.sleep(0.3)`, (report) => {
      for (const artifact of report.artifacts ?? []) assert.deepEqual([artifact.name, artifact.size], ["out/passwd", 3]);
    }),
    gives("a file that grows while it is collected", ["a"], "f = open('a', 'wb', 0)\nif os.fork() == 0:\n  while True: f.write(b'x' * 4096)\ntime.sleep(0.05)", (report) => {
      assert.equal(report.artifacts?.length, 1);
    }),
    gives("more files than there may be", everything, "n = 0\ntry:\n  while n < 100_000: open(f'{n:06}', 'w').close(); n += 1\nexcept OSError: pass", (report) => {
      assert.equal(report.artifacts?.length, 20);
      assert.equal(report.artifacts?.[0]?.name, "000000");
      assert.ok((report.artifactsOmitted ?? 0) > 900, String(report.artifactsOmitted));
    }),
    gives("a tree without a bottom", everything, "open('own', 'w').close()\nn = 0\ntry:\n  while n < 100_000: os.mkdir('d'); os.chdir('d'); n += 1\nexcept OSError: pass", (report) => {
      assert.ok(report.artifacts?.some(({ name }) => name === "own"), JSON.stringify(report.artifacts));
    }, { timeoutMs: 2_000 }),
    gives("a tree that nobody may enter", everything, "os.makedirs('a/b'); open('a/b/own', 'w').write('x'); os.chmod('a/b/own', 0); os.chmod('a/b', 0); os.chmod('a', 0); os.chmod('.', 0)", handsBack(["a/b/own", "main.py"])),
    gives("a sparse file of a gigabyte", ["a"], "open('a', 'wb').truncate(1 << 30)", (report) => {
      assert.deepEqual(report.artifacts, [{ name: "a", size: 1 << 30, mimeType: "application/octet-stream", error: "too_large" }]);
    }),
    gives("a program that its clock ends", ["own"], "open('own', 'w').write('x')\nwhile True: pass", (report) => {
      assert.equal(report.status, "timeout");
      handsBack(["own"])(report, undefined as never);
      inTime(report);
    }, { timeoutMs: 500 }),
    gives("patterns that climb, which the Worker refuses", ["../*", "/etc/passwd", "..", "out/../../etc/passwd"], "os.mkdir('out')", handsBack([])),
  ],
};
