//! Sandboxes of `@doclehq/sdk`, from its tarball, against the real service.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle as Service } from "../../tests/harness/docle.ts";
import type * as Sdk from "../sdk/src/sandboxes.ts";
import { install, load } from "./packed.ts";

const installed = install("sdk");
const { Sandboxes, DocleError } = (await load(installed, "sandboxes")) as typeof Sdk;

const service = await Service.start();
after(async () => {
  await service.stop();
  installed.remove();
});
const sandboxes = new Sandboxes({ apiKey: service.worker.key, baseUrl: service.worker.url });

test("cells of code keep their state, and tell what they show in every way that the client offers", async () => {
  const sandbox = await sandboxes.create({ name: "Cells" });
  const pythonCtx = await sandbox.createCodeContext({ language: "python", envVars: { A: "1" } });
  const first = await sandbox.runCode('import os\nx = [1]\nprint("Hello World")\nx', { context: pythonCtx });
  assert.deepEqual([first.stdout, first.logs.stdout, first.text, first.results[0]?.formats(), first.results[0]?.json], ["Hello World\n", ["Hello World\n"], "[1]", ["text", "json"], [1]]);
  const told: unknown[] = [];
  const second = await sandbox.runCode("print(os.environ['A'])\ndisplay(2)\n1 / 0", {
    context: pythonCtx.id,
    onStdout: (output) => told.push(output.text),
    onStderr: (output) => told.push(output.text),
    onResult: (result) => told.push(result.text),
    onError: (error) => told.push(error.name),
  });
  // Output comes in pieces of any size.
  assert.deepEqual([told.join(""), second.error?.name, second.success, second.executionCount, second.stdout], ["1\n2ZeroDivisionError", "ZeroDivisionError", false, 2, "1\n"]);
  const kinds: string[] = [];
  for await (const event of sandbox.runCodeStream("[print(i) for i in range(3)];", { language: "python" })) kinds.push(event.type);
  assert.deepEqual([kinds[0], kinds[1], kinds.at(-1)], ["start", "stdout", "complete"]);
  assert.deepEqual((await sandbox.listCodeContexts()).map(({ id }) => id), [pythonCtx.id, "default-python"]);
  await sandbox.interruptCodeContext(pythonCtx);
  assert.equal((await sandbox.restartCodeContext(pythonCtx)).executionCount, 0);
  await sandbox.deleteCodeContext(pythonCtx.id);
  await assert.rejects(sandbox.runCode("1", { context: pythonCtx }), (error) => error instanceof DocleError && error.code === "context_not_found");
  await sandbox.delete();
});

test("a sandbox keeps its files, executes commands and gives their output as it is written", async () => {
  const sandbox = await sandboxes.create({ key: "sdk", name: "From the client" });
  assert.equal((await sandboxes.create({ key: "sdk" })).id, sandbox.id);
  const file = await sandbox.files.write("src/main.py", "import sys; print('on'); print('err', file=sys.stderr); sys.exit(3)");
  assert.equal(file.path, "/workspace/src/main.py");
  const result = await sandbox.exec({ argv: ["python3", "src/main.py"] });
  assert.deepEqual([result.stdout, result.stderr, result.exitCode, result.success], ["on\n", "err\n", 3, false]);
  const events = [];
  for await (const event of sandbox.stream("echo a; echo b")) events.push(event);
  assert.equal(events[0]?.type, "start");
  assert.equal(events.map((event) => (event.type === "stdout" ? event.data : "")).join(""), "a\nb\n");
  assert.equal((await sandbox.execute("src/main.py")).exit_code, 3);
  await sandbox.files.move("src/main.py", "b.py");
  assert.match(await sandbox.files.readText("b.py"), /^import sys/);
  await sandbox.files.write("stream", new Blob(["bytes"]).stream());
  assert.deepEqual(await sandbox.files.read("stream"), new TextEncoder().encode("bytes"));
  assert.deepEqual((await sandbox.files.list()).entries?.map(({ name }) => name), ["b.py", "src", "stream"]);
  await assert.rejects(sandbox.files.read("none"), (error) => error instanceof DocleError && error.code === "file_not_found");
  assert.equal((await sandbox.executions()).executions.length, 3);
  assert.equal((await sandbox.change({ name: "Renamed" })).name, "Renamed");
  const listed = [];
  for await (const one of sandboxes.list()) listed.push(one.name);
  assert.deepEqual(listed, ["Renamed"]);
  await sandbox.delete();
  await assert.rejects(sandboxes.get("key:sdk"), (error) => error instanceof DocleError && error.code === "sandbox_not_found");
});

test("a cell on its own needs no sandbox, and keeps nothing", async () => {
  const execution = await sandboxes.runCode("import os\nx = open('a.txt').read()\nprint(os.environ['A'])\nx", { files: [{ path: "a.txt", content: "text" }], envVars: { A: "1" }, timeoutMs: 20_000 });
  assert.deepEqual([execution.stdout, execution.text, execution.contextId, execution.success], ["1\n", "'text'", "fresh", true]);
  const told: unknown[] = [];
  const failed = await sandboxes.runCode("print('on')\ndisplay(1)\nx", { onStdout: ({ text }) => told.push(text), onResult: ({ text }) => told.push(text), onError: ({ name }) => told.push(name) });
  assert.deepEqual([told.join(""), failed.success], ["on\n1NameError", false]);
  const kinds: string[] = [];
  for await (const event of sandboxes.runCodeStream("console.log(1); [2]", { language: "javascript" })) kinds.push(event.type);
  assert.deepEqual(kinds, ["start", "stdout", "result", "complete"]);
});
