//! `@doclehq/sandbox`, from its tarball, over HTTP against the real service.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Docle as Service } from "../../tests/harness/docle.ts";
import type * as Package from "../sandbox/src/index.ts";
import { install, load } from "./packed.ts";

const installed = [install("sdk"), install("sandbox")] as const;
const exported = (await load(installed[1])) as typeof Package;
const { asyncIterableToSSEStream, DocleError, getSandbox, parseSSEStream, responseToAsyncIterable } = exported;
const service = await Service.start();
after(async () => {
  await service.stop();
  for (const one of installed) one.remove();
});
const here = { apiKey: service.worker.key, baseUrl: service.worker.url };

/** What a method is refused with. */
const refused = (code: string) => (error: unknown) => error instanceof DocleError && error.code === code;

test("the package has these exports, and a sandbox these methods", () => {
  assert.deepEqual(Object.keys(exported).toSorted(), ["DocleConnectionError", "DocleError", "DocleTimeoutError", "ExecutionSession", "Result", "Sandbox", "SandboxClient", "asyncIterableToSSEStream", "getSandbox", "parseSSEStream", "proxyToSandbox", "responseToAsyncIterable"]);
  const methods = (prototype: object) => Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor").toSorted();
  assert.deepEqual(methods(exported.SandboxClient.prototype), ["containerFetch", "createSession", "deleteSession", "destroy", "exposePort", "getExposedPorts", "getSession", "ping", "setEnvVars", "unexposePort"]);
  const shared = ["cleanupCompletedProcesses", "createCodeContext", "deleteCodeContext", "deleteFile", "exec", "execStream", "exists", "getProcess", "getProcessLogs", "gitCheckout", "killAllProcesses", "killProcess", "listCodeContexts", "listFiles"];
  shared.push("listProcesses", "mkdir", "moveFile", "readFile", "renameFile", "runCode", "runCodeStream", "setEnvVars", "startProcess", "streamProcessLogs", "writeFile");
  assert.deepEqual(methods(exported.ExecutionSession.prototype), shared);
});

test("the package is at most 6 kB beside the SDK", () => {
  const size = gzipSync(readFileSync(join(installed[1].package, "dist", "index.js"))).length;
  assert.ok(size <= 6_000, `${size} bytes`);
});

test("a name is one sandbox, until it is destroyed", async () => {
  const sandbox = getSandbox(here, "named", { settings: { name: "Mine", env: { GIVEN: "1" } } });
  assert.equal(await sandbox.ping(), "pong");
  await sandbox.writeFile("kept", "text");
  const same = getSandbox(here, "named");
  assert.equal((await same.readFile("kept")).content, "text");
  await same.setEnvVars({ LATER: "2" });
  await same.setEnvVars({ MORE: "3" });
  assert.equal((await same.exec("echo $LATER $MORE")).stdout, "2 3\n");
  assert.equal((await (await same.createSession({ name: "other" })).exec("echo $LATER")).stdout, "2\n");
  await same.destroy();
  assert.equal((await same.exists("kept")).exists, false, "another sandbox has the name now");
  await same.destroy();
  await assert.rejects(getSandbox(here, "not a name").exec("true"), refused("invalid_request"));
});

test("a command has a result in every form of exec", async () => {
  const sandbox = getSandbox(here, "exec");
  const { timestamp, duration, ...result } = await sandbox.exec("echo out; echo err >&2; exit 3");
  assert.deepEqual(result, { success: false, exitCode: 3, stdout: "out\n", stderr: "err\n", command: "echo out; echo err >&2; exit 3", sessionId: "default" });
  assert.ok(duration > 0 && !Number.isNaN(Date.parse(timestamp)));
  assert.equal((await sandbox.exec("printf", ["%s|", "a b", "$c"], { encoding: "utf8" })).stdout, "a b|$c|");
  assert.equal((await sandbox.exec("cat; pwd; echo $A", { cwd: "/tmp", env: { A: "1" }, stdin: "in\n" })).stdout, "in\n/tmp\n1\n");
  assert.equal((await sandbox.exec("pwd")).stdout, "/workspace\n", "cwd is for one command");
  const told: string[] = [];
  const streamed = await sandbox.exec("echo one; echo two >&2", { onOutput: (stream, data) => told.push(`${stream}:${data}`), onComplete: ({ exitCode }) => told.push(`${exitCode}`) });
  assert.deepEqual([streamed.stdout, streamed.stderr, told.at(-1)], ["one\n", "two\n", "0"]);
  assert.deepEqual(told.slice(0, -1).toSorted(), ["stderr:two\n", "stdout:one\n"]);
  const late = await sandbox.exec("echo begun; sleep 60", { timeout: 500 });
  assert.deepEqual([late.exitCode, late.stdout], [124, "begun\n"]);
  const errors: Error[] = [];
  await assert.rejects(sandbox.exec("true", { timeout: 1, onError: (error) => errors.push(error) }), refused("invalid_request"));
  assert.equal(errors.length, 1);
  await sandbox.destroy();
});

test("a command ends with its signal, and with its stream also while it is silent", async () => {
  const sandbox = getSandbox(here, "leave");
  const watch = await sandbox.createSession({ name: "watch" });
  const command = "sleep 60 & echo $! > pid; echo here; wait";
  const gone = async () => (await watch.exec("timeout 20 tail --pid=$(cat pid) -f /dev/null")).exitCode;
  const abort = new AbortController();
  await assert.rejects(sandbox.exec(command, { signal: abort.signal, onOutput: () => abort.abort(new Error("left")) }), /left/);
  assert.equal(await gone(), 0);
  const reader = (await sandbox.execStream(command)).getReader();
  let text = "";
  while (!text.includes("here")) text += new TextDecoder().decode((await reader.read()).value);
  const next = reader.read();
  await reader.cancel();
  assert.equal((await next).done, true);
  assert.equal(await gone(), 0);
  await sandbox.destroy();
});

test("files are written, read, moved, listed and deleted", async () => {
  const sandbox = getSandbox(here, "files");
  const { timestamp: _, ...written } = await sandbox.writeFile("a/ä.txt", "é");
  assert.deepEqual(written, { success: true, exitCode: 0, path: "/workspace/a/ä.txt" });
  const text = await sandbox.readFile("a/ä.txt");
  assert.deepEqual([text.content, text.encoding, text.size], ["é", "utf-8", 2]);
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256));
  await sandbox.writeFile("bytes", bytes.toString("base64"), { encoding: "base64" });
  assert.equal((await sandbox.readFile("bytes", { encoding: "base64" })).content, bytes.toString("base64"));
  await sandbox.mkdir("b/c", { recursive: true });
  assert.equal((await sandbox.moveFile("bytes", "b")).newPath, "/workspace/b/bytes");
  assert.equal((await sandbox.renameFile("b/bytes", "b/renamed")).newPath, "/workspace/b/renamed");
  await sandbox.writeFile(".hidden", "");
  assert.deepEqual((await sandbox.listFiles(".")).files.map(({ name }) => name), ["a", "b"]);
  assert.deepEqual((await sandbox.listFiles("/workspace/b", { recursive: true, includeHidden: true })).files.map(({ absolutePath, type }) => [absolutePath, type]), [["/workspace/b/c", "directory"], ["/workspace/b/renamed", "file"]]);
  assert.deepEqual([(await sandbox.exists("b/renamed")).exists, (await sandbox.exists("none")).exists], [true, false]);
  await sandbox.deleteFile("b/renamed", {});
  await assert.rejects(sandbox.readFile("b/renamed"), refused("file_not_found"));
  await sandbox.destroy();
});

test("processes are followed and ended", async () => {
  const sandbox = getSandbox(here, "processes");
  const server = await sandbox.startProcess("echo up; echo err >&2; sleep 60", { name: "server" });
  assert.ok(server.startTime instanceof Date && server.pid > 0);
  assert.equal(await server.getStatus(), "running");
  const kinds: string[] = [];
  for await (const log of parseSSEStream<Package.LogEvent>(await sandbox.streamProcessLogs(server.id))) {
    kinds.push(log.type);
    if (kinds.length === 2) await server.kill();
    if (log.type === "exit") assert.equal(log.exitCode, 143);
  }
  assert.deepEqual(kinds.toSorted(), ["exit", "stderr", "stdout"]);
  assert.equal((await sandbox.getProcess(server.id))?.status, "killed");
  assert.deepEqual(await server.getLogs(), { stdout: "up\n", stderr: "err\n", processId: server.id });
  const failing = await sandbox.startProcess("exit 3");
  for await (const _ of parseSSEStream(await sandbox.streamProcessLogs(failing.id)));
  const failed = await sandbox.getProcess(failing.id);
  assert.deepEqual([failed?.status, failed?.exitCode, failed?.endTime instanceof Date], ["failed", 3, true]);
  const sleeper = await sandbox.startProcess("sleep 60");
  await sandbox.killProcess(sleeper.id, "SIGINT");
  for await (const _ of parseSSEStream(await sandbox.streamProcessLogs(sleeper.id)));
  assert.equal((await sandbox.getProcessLogs(sleeper.id)).stdout, "");
  await sandbox.startProcess("sleep 60");
  assert.equal(await sandbox.killAllProcesses(), 1);
  assert.equal(await sandbox.cleanupCompletedProcesses(), 4);
  assert.deepEqual(await sandbox.listProcesses(), []);
  assert.equal(await sandbox.getProcess("proc_none"), null);
  await assert.rejects(sandbox.streamProcessLogs("proc_none"), refused("process_not_found"));
  await sandbox.destroy();
});

test("a session has a directory and variables of its own, for its processes and contexts, too", async () => {
  const sandbox = getSandbox(here, "sessions");
  const build = await sandbox.createSession({ id: "build", env: { A: "1" }, cwd: "/new/folder", isolation: true });
  await build.exec("B=2");
  assert.equal((await build.exec("pwd; echo $A $B")).stdout, "/new/folder\n1 2\n");
  assert.equal((await sandbox.exec("echo $A $B")).stdout, "\n");
  assert.equal((await (await sandbox.getSession("build")).exec("echo $A $B")).stdout, "1 2\n");
  const { id } = await build.startProcess("pwd; echo $A");
  let said = "";
  for await (const log of parseSSEStream<Package.LogEvent>(await build.streamProcessLogs(id))) said += log.data;
  assert.equal(said, "/new/folder\n1\n");
  const context = await build.createCodeContext({ language: "python" });
  assert.equal((await build.runCode("import os; os.environ['A'] + os.getcwd()", { context })).text, "'1/new/folder'");
  await build.deleteCodeContext(context.id);
  await sandbox.deleteSession("build");
  await sandbox.destroy();
});

test("cells of code tell their results in many formats", async () => {
  const sandbox = getSandbox(here, "code");
  const results: Package.Result[] = [];
  const execution = await sandbox.runCode("class P:\n  def _repr_png_(self): return b'\\x89PNG'\ndisplay(P())\n[1]", { language: "python", onResult: (result) => results.push(result) });
  assert.deepEqual(results.map((result) => result.formats()), [["text", "png"], ["text", "json"]]);
  assert.deepEqual([execution.text, execution.success], ["[1]", true]);
  const kinds: string[] = [];
  for await (const event of parseSSEStream<Package.CodeEvent>(await sandbox.runCodeStream("console.log(1); 2", { language: "javascript" }))) kinds.push(event.type);
  assert.deepEqual(kinds, ["start", "stdout", "result", "complete"]);
  await sandbox.destroy();
});

test("a service without git says that it is not implemented, and other refusals are passed on", async () => {
  const requests: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const isMake = request.url === "/api/v1/sandboxes";
      if (!isMake) requests.push([request.url, request.headers.authorization, JSON.parse(Buffer.concat(chunks).toString())]);
      const [status, body] = isMake ? [200, { id: "sbx_a" }] : requests.length === 1 ? [404, { code: "not_found" }] : requests.length === 2 ? [400, { code: "invalid_request", message: "url is wrong" }] : [200, {}];
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sandbox = getSandbox({ apiKey: "key", baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, "git");
  const checkout = () => sandbox.gitCheckout("https://github.com/user/repo", { branch: "main", targetDir: "my-project" });
  await assert.rejects(checkout(), refused("not_implemented"));
  await assert.rejects(checkout(), (error) => refused("invalid_request")(error) && (error as Error).message === "url is wrong");
  const { timestamp: _, ...checked } = await checkout();
  assert.deepEqual(checked, { success: true, exitCode: 0, repoUrl: "https://github.com/user/repo", branch: "main", targetDir: "my-project" });
  assert.deepEqual(requests[0], ["/api/v1/sandboxes/sbx_a/git/checkout", "Bearer key", { url: "https://github.com/user/repo", branch: "main", dir: "my-project" }]);
  server.close();
  server.closeAllConnections();
});

/** A stream that gives these pieces. */
const pieces = (...texts: string[]) => new ReadableStream<Uint8Array>({ start: (controller) => (texts.forEach((text) => controller.enqueue(new TextEncoder().encode(text))), controller.close()) });
const all = async <T>(events: AsyncIterable<T>) => Array.fromAsync(events);

test("server-sent events are read however they are written and cut", async () => {
  const text = ': comment\r\nid: 1\r\ndata: {"a":"é"}\r\n\r\nevent: x\ndata:{"b":\ndata: 2}\n\ndata: [DONE]\n\ndata: 3';
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at <= bytes.length; at += 1) {
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => (controller.enqueue(bytes.slice(0, at)), controller.enqueue(bytes.slice(at)), controller.close()) });
    assert.deepEqual(await all(parseSSEStream(stream)), [{ a: "é" }, { b: 2 }, 3], `cut at ${at}`);
  }
  await assert.rejects(all(parseSSEStream(pieces("data: {\n\n"))), SyntaxError);
  await assert.rejects(all(parseSSEStream(pieces("data: 1\n\n"), AbortSignal.abort(new Error("left")))), /left/);
  assert.deepEqual(await all(responseToAsyncIterable(new Response(pieces("data: 1\n\n")))), [1]);
  await assert.rejects(all(responseToAsyncIterable(new Response("why", { status: 500 }))), /500 why/);
});

test("an iterable becomes server-sent events, and is left when they are cancelled", async () => {
  let left = false;
  async function* numbers() {
    try {
      for (let number = 0; ; number += 1) yield { number, text: "a\nb" };
    } finally {
      left = true;
    }
  }
  const stream = asyncIterableToSSEStream(numbers());
  for await (const { number, text } of parseSSEStream<{ number: number; text: string }>(stream)) {
    assert.equal(text, "a\nb");
    if (number === 2) break;
  }
  assert.ok(left);
  async function* failing() {
    yield 1;
    throw new Error("broken");
  }
  await assert.rejects(all(parseSSEStream(asyncIterableToSSEStream(failing(), { serialize: (value) => `[${value}]` }))), /broken/);
});
