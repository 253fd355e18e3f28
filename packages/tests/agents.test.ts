//! `/mcp`: the published clients of the Model Context Protocol, in both revisions, against the real service.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { uv } from "../../scripts/setup/paths.mjs";
import { Docle } from "../../tests/harness/docle.ts";
import { until } from "../../tests/harness/until.ts";

const service = await Docle.start();
const folder = mkdtempSync(join(tmpdir(), "docle-agents-"));
const url = new URL(`${service.worker.url}/mcp`);
const authorization = `Bearer ${service.worker.key}`;
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
after(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Content {
  type: string;
  text?: string;
  data?: string;
  mimeType?: string;
}
interface Called {
  content: Content[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
}
/** What both clients can do. */
interface Agent {
  listTools(): Promise<{ tools: { name: string; outputSchema?: unknown }[] }>;
  call(name: string, args?: Record<string, unknown>, options?: { signal?: AbortSignal; onprogress?: (progress: { progress: number; message?: string }) => void }): Promise<Called>;
  close(): Promise<void>;
}

const ofRuns = ["run_code", "run_tests", "get_run", "cancel_run", "list_languages"];
const ofSandboxes = ["create_sandbox", "list_sandboxes", "exec", "run_cell", "read_file", "write_file", "list_files", "snapshot", "restore", "expose_port", "delete_sandbox"];
const TOOLS = [...ofRuns, ...ofSandboxes];

const requestInit = { headers: { authorization } };
const legacy = async (): Promise<Agent> => {
  const client = new LegacyClient({ name: "test", version: "1" });
  await client.connect(new LegacyTransport(url, { requestInit }) as never);
  return { listTools: () => client.listTools(), call: async (name, args = {}, options) => (await client.callTool({ name, arguments: args }, undefined, options as never)) as Called, close: () => client.close() };
};
const modern = async (mode: "legacy" | "auto" | { pin: string }): Promise<Agent> => {
  const client = new ModernClient({ name: "test", version: "1" }, { versionNegotiation: { mode } } as never);
  await client.connect(new ModernTransport(url, { requestInit }));
  return { listTools: () => client.listTools(), call: async (name, args = {}, options) => (await client.callTool({ name, arguments: args }, options as never)) as Called, close: () => client.close() };
};

const agents: [string, () => Promise<Agent>][] = [
  ["@modelcontextprotocol/sdk 1", legacy],
  ["@modelcontextprotocol/client 2, as it is", () => modern("legacy")],
  ["@modelcontextprotocol/client 2, revision 2026-07-28", () => modern("auto")],
];

for (const [name, connect] of agents) {
  describe(name, () => {
    test("runs code, reads the result again, and sees images", async (context) => {
      const agent = await connect();
      context.after(() => agent.close());
      const { tools } = await agent.listTools();
      assert.deepEqual(tools.map((tool) => tool.name), TOOLS);
      const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
      const code = `import base64, sys\nprint(sys.stdin.read())\nopen('a.png', 'wb').write(base64.b64decode('${png}'))\nsys.exit(3)`;
      const ran = await agent.call("run_code", { lang: "python", code, stdin: "é", artifacts: ["*.png"] });
      const result = ran.structuredContent as { id: string; stdout: string; exitCode: number; status: string };
      assert.deepEqual([ran.isError ?? false, result.stdout, result.exitCode, result.status], [false, "é\n", 3, "error"]);
      assert.deepEqual(JSON.parse(ran.content[0]?.text ?? ""), ran.structuredContent);
      assert.deepEqual(ran.content[1], { type: "image", data: png, mimeType: "image/png" });
      const again = await agent.call("get_run", { id: result.id });
      assert.equal((again.structuredContent as { stdout: string }).stdout, "é\n");
      const { languages } = (await agent.call("list_languages")).structuredContent as { languages: { id: string }[] };
      assert.ok(languages.some(({ id }) => id === "python"));
    });

    test("hears of output as it is written", async (context) => {
      const agent = await connect();
      context.after(() => agent.close());
      const heard: { progress: number; message?: string }[] = [];
      const code = "import time\nfor i in range(3):\n  print(i, flush=True)\n  time.sleep(0.1)";
      const { structuredContent } = await agent.call("run_code", { lang: "python", code }, { onprogress: (progress) => void heard.push(progress) });
      assert.equal(structuredContent?.stdout, "0\n1\n2\n");
      assert.equal(heard.map(({ message }) => message).join(""), "0\n1\n2\n");
      const counts = heard.map(({ progress }) => progress);
      assert.equal(counts.at(-1), 6);
      assert.deepEqual(counts, [...new Set(counts)].toSorted((a, b) => a - b));
    });

    test("learns what is wrong with its arguments, and what a model can act on", async (context) => {
      const agent = await connect();
      context.after(() => agent.close());
      for (const [tool, args, message] of [
        ["run_code", { lang: "python", code: "1", policy: { timeoutMs: 1 } }, /policy\.timeoutMs must be an integer from 100 to 300000, got 1/],
        ["run_code", { lang: "python", code: "1", detatch: true }, /run_code has no argument "detatch"\. It has: lang, code/],
        ["run_code", { code: "1" }, /lang/],
        ["get_run", {}, /`id` is required and must be a string/],
        ["exec", { sandbox: "sbx_a", command: "ls", user: "root" }, /exec has no argument "user"\. It has: sandbox, command/],
        ["write_file", { sandbox: "sbx_a", path: "a" }, /`content` is required and must be a string/],
        ["make_coffee", {}, /There is no tool "make_coffee"/],
      ] as const) {
        await assert.rejects(agent.call(tool, args), (error: Error & { code?: number }) => {
          assert.match(error.message, message);
          assert.equal(error.code, -32602);
          return true;
        });
      }
      const unknown = await agent.call("get_run", { id: "93e6c0d5-6708-4be9-aa6d-06b81a39e526" });
      assert.equal(unknown.isError, true);
      assert.match(unknown.content[0]?.text ?? "", /run_not_found/);
    });
  });
}

for (const [name, connect] of agents) {
  test(`${name}: a sandbox keeps files and variables, and its results fit what the tools declare`, async (context) => {
    const agent = await connect();
    context.after(() => agent.close());
    // The clients check the results by the schemas that they have read.
    await agent.listTools();
    const call = async (tool: string, args: Record<string, unknown>) => {
      const called = await agent.call(tool, args);
      assert.ok(!called.isError, `${tool}: ${called.content[0]?.text}`);
      return called as { content: Content[]; structuredContent: Record<string, unknown> };
    };
    const made = await call("create_sandbox", { name: "agent" });
    const sandbox = made.structuredContent.id as string;
    assert.ok((await call("list_sandboxes", {})).content[0]?.text?.includes(sandbox));
    await call("write_file", { sandbox, path: "data/a.txt", content: "first" });
    const { structuredContent: snapshot } = await call("snapshot", { sandbox, name: "before" });
    await call("write_file", { sandbox, path: "data/a.txt", content: "second" });
    assert.equal((await call("exec", { sandbox, command: "cat data/a.txt; exit 3" })).structuredContent.exitCode, 3);
    await call("restore", { sandbox, snapshot: snapshot.id });
    const { structuredContent: read } = await call("read_file", { sandbox, path: "data/a.txt" });
    assert.deepEqual([read.content, read.encoding], ["first", "utf8"]);
    const { structuredContent: listed } = await call("list_files", { sandbox, path: ".", recursive: true });
    assert.deepEqual((listed.files as { path: string }[]).map(({ path }) => path), ["/workspace/data", "/workspace/data/a.txt"]);
    await call("run_cell", { sandbox, code: "x = 6" });
    const cell = await call("run_cell", { sandbox, code: "from IPython.display import Image, display\nimport base64\ndisplay(Image(base64.b64decode('iVBORw0KGgo=')))\nx * 7" });
    assert.deepEqual(cell.content.slice(1), [{ type: "image", data: "iVBORw0KGgo=", mimeType: "image/png" }]);
    assert.equal((cell.structuredContent.results as { main: boolean; text: string }[]).find(({ main }) => main)?.text, "42");
    const { structuredContent: port } = await call("expose_port", { sandbox, port: 8000 });
    assert.match(port.url as string, /^http:\/\/8000-/);
    await call("delete_sandbox", { sandbox });
    const gone = await agent.call("exec", { sandbox, command: "ls" });
    assert.deepEqual([gone.isError, /sandbox_not_found/.test(gone.content[0]?.text ?? "")], [true, true]);
  });

  test(`${name}: a program is tested`, async (context) => {
    const agent = await connect();
    context.after(() => agent.close());
    await agent.listTools();
    const tests = [{ stdin: "2", expected: "4" }, { stdin: "3", expected: "8" }];
    const { structuredContent } = await agent.call("run_tests", { lang: "python", code: "print(int(input()) ** 2)", tests });
    assert.deepEqual((structuredContent as { tests: { verdict: string }[] }).tests.map(({ verdict }) => verdict), ["accepted", "wrong_answer"]);
  });
}

test("a command tells of its output as it is written, and ends with its client", async (context) => {
  const agent = await modern("auto");
  context.after(() => agent.close());
  const { structuredContent: made } = await agent.call("create_sandbox", {});
  const sandbox = made?.id as string;
  const abort = new AbortController();
  const heard = new Promise<string>((resolve, reject) => {
    const onprogress = ({ message }: { message?: string }) => resolve(message ?? "");
    agent.call("exec", { sandbox, command: "echo up; exec sleep 300" }, { signal: abort.signal, onprogress }).catch(reject);
  });
  assert.equal(await heard, "up\n");
  abort.abort();
  await until("the command has ended", async () => {
    const { structuredContent } = await agent.call("exec", { sandbox, command: "pgrep -c sleep || true" });
    return structuredContent?.stdout === "0\n";
  });
  await agent.call("delete_sandbox", { sandbox });
});

test("a client that leaves ends its run", async (context) => {
  const agent = await modern("auto");
  context.after(() => agent.close());
  const abort = new AbortController();
  const call = agent.call("run_code", { lang: "python", code: "import time; time.sleep(60)", policy: { timeoutMs: 90_000 } }, { signal: abort.signal });
  await until("it runs", async () => (await service.runner.health()).running === 1);
  abort.abort();
  await assert.rejects(call);
  await until("nothing runs any more", async () => (await service.runner.health()).running === 0);
});

const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
const post = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json", accept: "application/json, text/event-stream", authorization, ...headers }, body: typeof body === "string" ? body : JSON.stringify(body) });
const modernHeaders = (method: string, name?: string) => ({ "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...(name ? { "mcp-name": name } : {}) });

for (const [what, body, headers, status, code] of [
  ["text that is no JSON", "{", {}, 400, -32700],
  ["a list of messages", [], {}, 400, -32600],
  ["a method that is not there", { jsonrpc: "2.0", id: 1, method: "x", params: { _meta: meta } }, modernHeaders("x"), 404, -32601],
  ["the handshake of older revisions in the newer one", { jsonrpc: "2.0", id: 1, method: "initialize", params: { _meta: meta } }, modernHeaders("initialize"), 404, -32601],
  ["headers that say something else", { jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta: meta } }, modernHeaders("tools/call"), 400, -32020],
  ["a revision that nobody knows", { jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta: { ...meta, "io.modelcontextprotocol/protocolVersion": "2099-01-01" } } }, {}, 400, -32022],
] as [string, unknown, Record<string, string>, number, number][]) {
  test(`${what} is told by status and code`, async () => {
    const response = await post(body, headers);
    const { error } = (await response.json()) as { error: { code: number; message: string } };
    assert.deepEqual([response.status, error.code], [status, code]);
    assert.match(error.message, /^[A-Z`].*\.$/);
  });
}

test("a notification is taken, and only messages by POST are", async () => {
  const noted = await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  assert.deepEqual([noted.status, await noted.text()], [202, ""]);
  for (const method of ["GET", "DELETE"]) assert.equal((await fetch(url, { method, headers: { authorization } })).status, 405);
});

test("without a key nothing is read, and a page of another site is refused on this machine", async () => {
  for (const wrong of [{}, { authorization: "Bearer sk_live_wrong" }] as Record<string, string>[]) {
    const response = await fetch(url, { method: "POST", headers: wrong, body: "{" });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
  }
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  assert.equal((await post(list, { origin: "https://evil.example" })).status, 403);
  assert.equal((await post(list, { origin: "null" })).status, 403);
  assert.equal((await post(list, { origin: "http://localhost:6274" })).status, 200);
  // A name of the other site that leads to this machine.
  const renamed = request(url, { method: "POST", headers: { host: "evil.example", origin: "http://evil.example", authorization } });
  renamed.end("{}");
  const [response] = (await once(renamed, "response")) as [IncomingMessage];
  response.resume();
  assert.equal(response.statusCode, 403);
});

test("a client that takes no stream gets the result as JSON", async () => {
  const call = { jsonrpc: "2.0", id: "a", method: "tools/call", params: { name: "run_code", arguments: { lang: "python", code: "import time; time.sleep(1); print(1)" } } };
  const response = await post(call, { accept: "application/json" });
  assert.equal(response.headers.get("content-type"), "application/json");
  const { id, result } = (await response.json()) as { id: string; result: Called };
  assert.deepEqual([id, result.structuredContent?.stdout], ["a", "1\n"]);
});

for (const [what, text, atLeast] of [
  ["letters", "'x' * 3_000_000", 128 * 1024],
  ["what has to be escaped", "'\\0' * 3_000_000", 10_000],
] as const) {
  test(`a long output of ${what} is cut to what clients take, and can be read again`, async () => {
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "run_code", arguments: { lang: "python", code: `print(${text})`, policy: { maxOutputBytes: 4_000_000 } } } };
    const message = await (await post(call)).text();
    assert.ok(message.length <= 1_048_576, `${message.length}`);
    const last = message.split("\n").findLast((line) => line.startsWith("data:")) ?? "";
    const { result } = JSON.parse(last.slice(5)) as { result: { content: Content[]; structuredContent: { id: string; stdout: string; truncated: { stdout: boolean } } } };
    const { id, stdout, truncated } = result.structuredContent;
    assert.ok(stdout.length >= atLeast && truncated.stdout, `${stdout.length}`);
    assert.match(result.content.at(-1)?.text ?? "", /get_run/);
    const again = await post({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "get_run", arguments: { id } } });
    const read = (await again.json()) as { result: { structuredContent: { stdout: string } } };
    assert.equal(read.result.structuredContent.stdout.length, 3_000_001);
  });
}

test("the published client for Python runs code in both revisions", { timeout: 120_000 }, async () => {
  const env = { ...process.env, UV_PYTHON_DOWNLOADS: "never", DOCLE_KEY: service.worker.key, DOCLE_BASE_URL: service.worker.url };
  const run = promisify(execFile);
  const home = join(folder, "venv");
  await run(uv, ["venv", "--quiet", "--python", ">=3.10", home], { env });
  await run(uv, ["pip", "install", "--quiet", "--python", join(home, "bin", "python"), "mcp==2.3.0"], { env });
  const program = join(folder, "client.py");
  const [, example = ""] = /^```python\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, "docs", "agents.md"), "utf8")) ?? [];
  assert.match(example, /Client\(transport\)/);
  for (const mode of ["auto", "legacy"]) {
    writeFileSync(program, example.replace("Client(transport)", `Client(transport, mode="${mode}")`));
    const { stdout } = await run(join(home, "bin", "python"), [program], { env });
    assert.equal(stdout, "42\n\n", mode);
  }
});
