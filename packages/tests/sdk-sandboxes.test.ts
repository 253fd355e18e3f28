//! Sandboxes in `@doclehq/sdk`, from its tarball, against the real service.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle as Service } from "../../tests/harness/docle.ts";
import { visit } from "../../tests/harness/preview.ts";
import type * as Sdk from "../sdk/src/sandboxes.ts";
import { install, load } from "./packed.ts";

const installed = install("sdk");
const { Sandboxes } = (await load(installed, "sandboxes")) as typeof Sdk;
const service = await Service.start();
after(async () => {
  await service.stop();
  installed.remove();
});
const sandboxes = new Sandboxes({ apiKey: service.worker.key, baseUrl: service.worker.url });

test("processes and sessions of a sandbox", async () => {
  const sandbox = await sandboxes.create();
  const { processes, sessions } = sandbox;
  const cat = await processes.start({ command: "while read line; do echo got $line; done; exit 3", name: "cat", stdin: true });
  assert.deepEqual((await processes.list({ status: "running" })).map(({ name }) => name), ["cat"]);
  await processes.write(cat.id, "one\n");
  assert.equal((await processes.wait(cat.id, { log: "got" })).line, "got one");
  let text = "";
  for await (const event of processes.follow(cat.id)) {
    if (event.type === "stdout") text += event.data;
    // The object goes while the stream is open, which is taken up again.
    if (text === "got one\n" && event.type === "stdout") {
      await service.worker.reset();
      await processes.write(cat.pid, "two\n", { close: true });
    }
    if (event.type === "exit") assert.equal(event.process.exitCode, 3);
  }
  assert.equal(text, "got one\ngot two\n");
  assert.equal((await processes.logs(cat.id, { after: 8 })).stdout, "got two\n");
  const sleeper = await processes.start("sleep 300");
  assert.equal((await processes.kill(sleeper.id, { forget: true })).signal, "SIGTERM");
  await assert.rejects(processes.get(sleeper.id), { code: "process_not_found" });
  await sessions.create({ id: "main", env: { A: "1" } });
  await sandbox.exec({ session: "main", command: "cd /tmp" });
  assert.equal((await sandbox.exec({ session: "main", command: "pwd; echo $A" })).stdout, "/tmp\n1\n");
  assert.deepEqual((await sessions.list()).map(({ id }) => id), ["main"]);
  await sessions.delete("main");
  await sandbox.delete();
});

test("terminals of a sandbox", async () => {
  const sandbox = await sandboxes.create();
  let output = "";
  const terminal = sandbox.terminal({ cols: 90, rows: 33, onData: (bytes) => (output += new TextDecoder().decode(bytes)) });
  await terminal.ready;
  terminal.write("stty size; echo $((6 * 7))\n");
  terminal.write(new TextEncoder().encode("exit 5\n"));
  assert.deepEqual(await terminal.exited, { code: 5, signal: null });
  assert.match(output, /33 90\r\n42\r\n/);
  const watching = sandbox.terminal({ session: "other", mode: "view" });
  await watching.ready;
  watching.resize(10, 10);
  watching.close();
  assert.equal(await watching.exited, undefined);
  await sandbox.delete();
});

test("ports of a sandbox", async () => {
  const sandbox = await sandboxes.create();
  const { ports, processes } = sandbox;
  const port = await ports.expose(8000, { name: "web" });
  assert.deepEqual(await ports.expose(8000), port, "it keeps its token and its name");
  assert.match(port.url, new RegExp(`^http://8000-${sandbox.id.slice("sbx_".length)}-${port.token}\\.localhost:`));
  const server = await processes.start("python3 -m http.server 8000");
  await processes.wait(server.id, { port: 8000 });
  const answer = await visit(port.url);
  assert.deepEqual([answer.status, answer.text.includes("Directory listing")], [200, true]);
  const rotated = await ports.rotate(8000);
  assert.equal((await visit(port.url)).status, 404);
  assert.deepEqual([await ports.list(), await ports.get(8000)], [[rotated], rotated]);
  await ports.unexpose(8000);
  await assert.rejects(ports.get(8000), { code: "port_not_found" });
  await sandbox.delete();
});
