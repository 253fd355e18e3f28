//! Scripts on a local machine: the processes, their clients, and the egress.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Request } from "miniflare";
import { isPublic, passOn } from "../../scripts/isolates/egress.mjs";
import { Isolates } from "../harness/isolates.ts";
import { until } from "../harness/until.ts";

test("a client that disconnects during a call does not disturb other calls", async () => {
  const isolates = await Isolates.start();
  try {
    // Node's test runner fails a test with an unhandled rejection.
    const leaving = connect(Number(new URL(isolates.url).port), "127.0.0.1");
    leaving.write("POST /v1/executions HTTP/1.1\r\nhost: isolates\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n");
    // The server has asked for the body, so it is in the middle of the call.
    await once(leaving, "data");
    leaving.write("{");
    leaving.destroy();
    await once(leaving, "close");
    assert.equal(await isolates.result("return 1"), 1);
  } finally {
    await isolates.stop();
  }
});

test("a process that is killed loses its scripts and is replaced", async () => {
  const isolates = await Isolates.start();
  try {
    const before = isolates.pids;
    for (const pid of before) process.kill(pid, "SIGKILL");
    await until("scripts that run again", async () => (await isolates.execute("return 1")).result === 1, 60);
    await until("as many processes as before", () => isolates.pids.length === before.length, 60);
    assert.ok(isolates.pids.every((pid) => !before.includes(pid)));
  } finally {
    await isolates.stop();
  }
});

test("no process is left after the stop, whatever the scripts do", async () => {
  const isolates = await Isolates.start();
  const pids = isolates.pids;
  assert.ok(pids.length >= 2 && pids.every((pid) => existsSync(`/proc/${pid}`)));
  const lost = isolates.execute({ code: "return /^(a+)+$/.test('a'.repeat(50) + 'b')", timeoutMs: 30_000 }).catch(() => undefined);
  await isolates.stop();
  await until("no process", () => pids.every((pid) => !existsSync(`/proc/${pid}`)), 30);
  assert.equal(await lost, undefined);
});

test("a persistent database is shared by all processes, also during writes", async () => {
  const state = mkdtempSync(join(tmpdir(), "docle-isolates-"));
  const isolates = await Isolates.start({ state });
  try {
    const views = await isolates.views("PROJECT_DB_WIKI");
    assert.ok(views.length >= 2);
    await views[0]?.prepare("CREATE TABLE things (id INTEGER)").run();
    await Promise.all(Array.from({ length: 40 }, (_, id) => views[id % views.length]?.prepare(`INSERT INTO things VALUES (${id})`).run()));
    const count = "await new Promise((resolve) => setTimeout(resolve, 100)); return (await db({ select: { from: 'things' } })).rowCount";
    const counts = await Promise.all(Array.from({ length: 6 }, () => isolates.result({ code: count, database: "wiki" })));
    assert.deepEqual(counts, Array.from({ length: 6 }, () => 40));
  } finally {
    await isolates.stop();
    rmSync(state, { recursive: true, force: true });
  }
});

test("requests to unreachable or forbidden destinations fail with an answer", async () => {
  const encoder = new TextEncoder();
  for (const url of ["http://localhost:1/", "https://localhost:1/", "http://127.0.0.1:1/", "http://[::1]:1/", "http://[::ffff:10.0.0.1]/", "http://nowhere.invalid/"]) {
    // The body arrives after the egress knows that the address is unreachable, because of another request.
    let arrive = () => {};
    const body = new ReadableStream({ start: (controller) => void (arrive = () => (controller.enqueue(encoder.encode("late")), controller.close())) });
    const answer = passOn(new Request(url, { method: "POST", body: body as never, duplex: "half" }));
    assert.equal((await passOn(new Request(url))).status, 502, url);
    arrive();
    assert.equal((await answer).status, 502, url);
  }
});

test("an address is public or private in every notation", () => {
  for (const address of ["127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"]) assert.ok(!isPublic(address), address);
  for (const address of ["::1", "::", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fc00::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1"]) assert.ok(!isPublic(address), address);
  for (const text of ["", "localhost", "127.1", "example.com"]) assert.ok(!isPublic(text), text);
  for (const address of ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111"]) assert.ok(isPublic(address), address);
});
