//! Runners on machines with other habits: few descriptors, files that nobody else may read, a neighbour of the same kind.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runner as installed } from "../../scripts/setup/paths.mjs";
import { job, run } from "../harness/jobs.ts";
import { Runner } from "../harness/runner.ts";
import { attempt, type Scene } from "./attack.ts";
import { honest } from "./corpus.ts";

const directory = mkdtempSync(join(tmpdir(), "docle-habits-"));
const binary = join(directory, "runner");
writeFileSync(binary, `#!/bin/sh\numask 077\nulimit -S -n 256\nexec ${process.env.DOCLE_RUNNER ?? installed} "$@"\n`);
chmodSync(binary, 0o755);
const [first, second] = await Promise.all([Runner.start({ binary }), Runner.start({ binary })]);
after(async () => {
  await Promise.all([first.stop(), second.stop()]);
  rmSync(directory, { recursive: true });
});

const sceneOf = (runner: Runner): Scene => ({ runner, tier: "", capsMemory: false, marker: `attack-${process.pid}-habits-` });

test("a runner whose files nobody else may read, with few descriptors, is right", () => honest(first, 0));

test("connections of many programs took the runner's last descriptor, and with it the way out of a jail", async () => {
  const code = "import socket, time\nk = []\nfor i in range(60):\n  s = socket.create_connection(('127.0.0.1', 3128), 10); s.sendall(b'CONNECT 192.0.2.1:81 HTTP/1.1\\r\\n\\r\\n'); k.append(s)\nprint(sum(s.recv(12) == b'HTTP/1.1 403' for s in k))";
  const { slots } = await first.health();
  const reports = await Promise.all(Array.from({ length: slots }, () => attempt(sceneOf(first), "python", code, { network: { mode: "public" }, limits: { memoryMB: 96 } })));
  assert.deepEqual(reports.map(({ stdout }) => stdout), Array(slots).fill("60\n"));
});

test("two runners on one machine gave their programs the same users", async () => {
  const usersOf = async (runner: Runner) => {
    const { slots } = await runner.health();
    const reports = await Promise.all(Array.from({ length: 2 * slots }, () => run(runner, job("python", "import os; print(os.getuid())"))));
    return new Set(reports.map(({ stdout }) => stdout.trim()));
  };
  const [one, other] = [await usersOf(first), await usersOf(second)];
  assert.ok(one.size > 0 && other.size > 0);
  assert.deepEqual([...one].filter((user) => other.has(user)), []);
});
