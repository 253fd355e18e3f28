//! The bridge of Cloudflare's sandboxes: the clients of OpenAI's Agents SDK, unchanged, after a change of their address.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { CloudflareSandboxClient } from "@openai/agents-extensions/sandbox/cloudflare";
import { WebSocket } from "ws";
import { uv } from "../../scripts/setup/paths.mjs";
import { Docle } from "../../tests/harness/docle.ts";
import { visit } from "../../tests/harness/preview.ts";
import { until } from "../../tests/harness/until.ts";

const service = await Docle.start();
const folder = mkdtempSync(join(tmpdir(), "docle-agents-"));
const python = join(folder, "venv", "bin", "python");
after(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

const { key, url } = service.worker;
const bridge = `${url}/compat/cloudflare`;
const call = (path: string, init: RequestInit = {}) => fetch(`${bridge}${path}`, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } });
const create = async () => ((await (await call("/v1/sandbox", { method: "POST" })).json()) as { id: string }).id;

/** The events of a command. */
async function exec(id: string, body: object, headers: Record<string, string> = {}) {
  const text = await (await call(`/v1/sandbox/${id}/exec`, { method: "POST", headers, body: JSON.stringify(body) })).text();
  const events = Array.from(text.matchAll(/event: (\w+)\ndata: (.*)\n/g), ([, event = "", data = ""]) => ({ event, data }));
  const bytes = (stream: string) => Buffer.concat(events.filter(({ event }) => event === stream).map(({ data }) => Buffer.from(data, "base64")));
  const exit = events.find(({ event }) => event === "exit")?.data ?? "{}";
  return { stdout: bytes("stdout"), stderr: bytes("stderr"), exitCode: (JSON.parse(exit) as { exit_code?: number }).exit_code };
}

describe("in Python", () => {
  before(async () => {
    const run = promisify(execFile);
    const env = { ...process.env, UV_PYTHON_DOWNLOADS: "never" };
    await run(uv, ["venv", "--quiet", "--python", ">=3.10", join(folder, "venv")], { env });
    await run(uv, ["pip", "install", "--quiet", "--python", python, "openai-agents==0.24.0", "aiohttp"], { env });
  });

  test("openai-agents executes, reads, writes, lists, types and takes its workspace along", { timeout: 120_000 }, async () => {
    const program = `
import asyncio, io, os
from pathlib import Path
from agents.extensions.sandbox.cloudflare import CloudflareSandboxClient, CloudflareSandboxClientOptions

async def main():
    client = CloudflareSandboxClient()
    options = CloudflareSandboxClientOptions(worker_url=os.environ["BRIDGE"], api_key=os.environ["KEY"])
    session = await client.create(options=options)
    await session.start()
    result = await session.exec("echo h\u00e9; exit 3", shell=True)
    print(result.stdout.decode(), result.exit_code)
    await session.write(Path("data/bytes.bin"), io.BytesIO(bytes(range(256))))
    print((await session.read(Path("data/bytes.bin"))).read() == bytes(range(256)))
    print([entry.path for entry in await session.ls("data")])
    try:
        await session.read(Path("missing.txt"))
    except Exception as error:
        print(type(error).__name__)
    update = await session.pty_exec_start("stty", "size", tty=True, yield_time_s=1)
    print("24 80" in update.output.decode())
    await session.pty_terminate_all()
    archive = await session.persist_workspace()
    print(await session.running())
    await client.delete(session)
    print(await session.running())
    other = await client.create(options=options)
    await other.start()
    await other.hydrate_workspace(archive)
    print((await other.read(Path("data/bytes.bin"))).read() == bytes(range(256)))
    await client.delete(other)

asyncio.run(main())
`;
    const file = join(folder, "program.py");
    writeFileSync(file, program);
    const { stdout } = await promisify(execFile)(python, [file], { env: { ...process.env, BRIDGE: bridge, KEY: key } });
    const path = "/workspace/data/bytes.bin";
    assert.deepEqual(stdout.split("\n"), ["h\u00e9", " 3", "True", `['${path}']`, "WorkspaceReadNotFoundError", "True", "True", "False", "True", ""]);
  });
});

test("in JavaScript, @openai/agents-extensions executes, reads, writes, and takes its workspace along", async () => {
  const client = new CloudflareSandboxClient({ workerUrl: bridge, apiKey: key });
  const session = await client.create({});
  assert.match(await session.execCommand({ cmd: "echo h\u00e9; exit 3" }), /code 3[\s\S]*h\u00e9/);
  await session.materializeEntry({ path: "notes/a.txt", entry: { type: "file", content: "caf\u00e9" } });
  assert.equal(new TextDecoder().decode(await session.readFile({ path: "notes/a.txt" })), "caf\u00e9");
  assert.deepEqual([await session.pathExists("notes/a.txt"), await session.pathExists("nowhere")], [true, false]);
  assert.equal(await session.running(), true);
  const archive = await session.persistWorkspace();
  const other = await client.create({});
  await other.hydrateWorkspace(archive);
  assert.equal(new TextDecoder().decode(await other.readFile({ path: "notes/a.txt" })), "caf\u00e9");
  await Promise.all([session.close(), other.close()]);
  assert.equal(await session.running(), false);
});

describe("a call of the bridge", () => {
  test("has the bytes of both streams and the exit code", async () => {
    const id = await create();
    const { stdout, stderr, exitCode } = await exec(id, { argv: ["bash", "-c", "printf '\\xff\\x00'; echo e >&2; exit 9"] });
    assert.deepEqual([...stdout], [255, 0]);
    assert.deepEqual([stderr.toString(), exitCode], ["e\n", 9]);
    assert.equal((await exec(id, { argv: ["sleep", "60"], timeout_ms: 200 })).exitCode, 124);
    assert.equal((await exec(id, { argv: ["nosuchprogram"] })).exitCode, 127);
    assert.equal((await exec(id, { argv: ["pwd"], cwd: "/workspace" })).stdout.toString(), "/workspace\n");
    await call(`/v1/sandbox/${id}`, { method: "DELETE" });
  });

  test("keeps directory and variables of a session", async () => {
    const id = await create();
    const made = (await (await call(`/v1/sandbox/${id}/session`, { method: "POST", body: JSON.stringify({ env: { A: "1" } }) })).json()) as { id: string };
    await exec(id, { argv: ["cd", "/tmp"] }, { "session-id": made.id });
    assert.equal((await exec(id, { argv: ["sh", "-c", "pwd; echo $A"] }, { "session-id": made.id })).stdout.toString(), "/tmp\n1\n");
    assert.equal((await call(`/v1/sandbox/${id}/session/${made.id}`, { method: "DELETE" })).status, 200);
    await call(`/v1/sandbox/${id}`, { method: "DELETE" });
  });

  test("has the workspace without what it leaves out, and takes no archive that leads out of it", async () => {
    const id = await create();
    await exec(id, { argv: ["bash", "-c", "mkdir -p a/b c; echo 1 > a/b/x; echo 2 > c/y; echo 3 > z"] });
    const archive = await (await call(`/v1/sandbox/${id}/persist?excludes=a,z`, { method: "POST" })).arrayBuffer();
    const names = execFileSync("tar", ["tf", "-"], { input: Buffer.from(archive), encoding: "utf8" });
    assert.deepEqual(names.split("\n").filter((name) => name !== "" && !name.endsWith("/")), ["./c/y"]);
    assert.equal((await exec(id, { argv: ["ls", "/tmp"] })).stdout.toString(), "");
    const evil = execFileSync("tar", ["cf", "-", "--transform", "s,.*,../../etc/evil,", "package.json"], { maxBuffer: 1 << 20 });
    const refused = await call(`/v1/sandbox/${id}/hydrate`, { method: "POST", body: evil });
    assert.ok(refused.status >= 400, `${refused.status}`);
    assert.equal((await call(`/v1/sandbox/${id}/persist?excludes=../a`, { method: "POST" })).status, 400);
    await call(`/v1/sandbox/${id}`, { method: "DELETE" });
  });

  test("makes a port public and takes it back", async () => {
    const id = await create();
    await exec(id, { argv: ["sh", "-c", "echo hello > index.html; python3 -m http.server 8000 >/dev/null 2>&1 &"] });
    const tunnel = (await (await call(`/v1/sandbox/${id}/tunnel/8000`, { method: "POST" })).json()) as { url: string; port: number };
    assert.equal(tunnel.port, 8000);
    await until("the program listens", async () => (await visit(tunnel.url)).text === "hello\n");
    assert.equal((await call(`/v1/sandbox/${id}/tunnel/8000`, { method: "DELETE" })).status, 204);
    assert.equal((await call(`/v1/sandbox/${id}/tunnel/8000`, { method: "DELETE" })).status, 204);
    await call(`/v1/sandbox/${id}`, { method: "DELETE" });
  });

  test("of a terminal without a session left its shell behind", async () => {
    const id = await create();
    const shells = async () => Number((await exec(id, { argv: ["bash", "-c", "pgrep -cx bash || true"] })).stdout.toString());
    const before = await shells();
    const socket = new WebSocket(`${bridge.replace("http", "ws")}/v1/sandbox/${id}/pty`, { headers: { authorization: `Bearer ${key}` } });
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data: Buffer, isBinary: boolean) => {
        if (!isBinary && (JSON.parse(data.toString()) as { type: string }).type === "ready") resolve();
      });
    });
    assert.equal(await shells(), before + 1);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.close();
    await closed;
    await until("its shell has ended", async () => (await shells()) === before);
    await call(`/v1/sandbox/${id}`, { method: "DELETE" });
  });

  test("says what is wrong in its own words", async () => {
    const id = await create();
    const cases: [status: number, code: string, path: string, init?: RequestInit][] = [
      [400, "invalid_request", "exec", { method: "POST", body: "{" }],
      [400, "invalid_request", "exec", { method: "POST", body: '{"argv":[]}' }],
      [403, "invalid_request", "exec", { method: "POST", body: '{"argv":["ls"],"cwd":"/etc"}' }],
      [404, "workspace_read_not_found", "file/workspace/nothing"],
      [403, "invalid_request", "file/etc/passwd"],
      [403, "invalid_request", "file/workspace%2F..%2F..%2Fetc%2Fpasswd"],
      [403, "invalid_request", "file/etc/x", { method: "PUT", body: "x" }],
      [400, "invalid_request", "tunnel/0", { method: "POST" }],
      [501, "not_implemented", "mount", { method: "POST", body: "{}" }],
      [426, "invalid_request", "pty"],
      [401, "unauthorized", "running", { headers: { authorization: "Bearer wrong" } }],
    ];
    for (const [status, code, path, init] of cases) {
      const answer = await call(`/v1/sandbox/${id}/${path}`, init);
      const told = (await answer.json()) as { error: string; code: string };
      assert.deepEqual([answer.status, told.code], [status, code], `${path}: ${JSON.stringify(told)}`);
      assert.ok(told.error.length > 5, path);
    }
    assert.equal((await call(`/v1/sandbox/${id}`, { method: "DELETE" })).status, 204);
    assert.equal((await call(`/v1/sandbox/${id}`, { method: "DELETE" })).status, 204);
    assert.deepEqual(await (await call(`/v1/sandbox/${id}/running`)).json(), { running: false });
    assert.equal((await call(`/v1/sandbox/${id}/exec`, { method: "POST", body: '{"argv":["ls"]}' })).status, 404);
  });

  test("took the session of a browser for a key", async () => {
    const answer = await fetch(`${bridge}/v1/sandbox`, { method: "POST", headers: { cookie: "docle_session=x" } });
    assert.equal(answer.status, 401);
  });
});
