//! Sandboxes as their users meet them: the real runner behind the real Worker.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { json, type Json, sandboxApi, SANDBOXES } from "../harness/sandbox-api.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);

const exec = async (sandbox: string, command: string, more: Json = {}) => json(200, await call("POST", `${sandbox}/exec`, { command, ...more }));

describe("commands", () => {
  test("a command has its output, its exit code and its time", async () => {
    const sandbox = await create();
    const result = await exec(sandbox, "printf 'a\\n\\n'; echo e >&2; exit 3");
    assert.deepEqual([result.stdout, result.stderr, result.exitCode, result.success, result.status], ["a\n\n", "e\n", 3, false, "error"]);
    assert.ok(result.durationMs > 0 && result.usage.cpuMs >= 0);
    assert.equal((await exec(sandbox, "nonesuch")).exitCode, 127);
    const argv = await json(200, await call("POST", `${sandbox}/exec`, { argv: ["cat"], stdin: "in\n", env: { A: "1" } }));
    assert.deepEqual([argv.stdout, argv.command], ["in\n", "cat"]);
  });

  test("a command out of time, of output and of memory is a result", async () => {
    const sandbox = await create({ runtime_config: { memoryMB: 64, diskMB: 16 } });
    const late = await exec(sandbox, "echo before; sleep 30", { timeoutMs: 500 });
    assert.deepEqual([late.timedOut, late.exitCode, late.stdout], [true, 124, "before\n"]);
    const long = await exec(sandbox, "head -c 100000 /dev/zero | tr '\\0' a", { maxOutputBytes: 1024 });
    assert.deepEqual([long.stdout.length, long.truncated.stdout, long.exitCode], [1024, true, 0]);
    const large = await exec(sandbox, "python3 -c 'x = bytearray(400_000_000); x[::4096] = b\"a\" * len(x[::4096]); print(len(x))'");
    assert.equal(large.success, false, JSON.stringify(large));
    const full = await exec(sandbox, "head -c 50000000 /dev/zero > big");
    assert.equal(full.success, false);
    assert.equal((await exec(sandbox, "rm -f big; echo on")).stdout, "on\n");
  });

  test("events come while the command runs", async () => {
    const sandbox = await create();
    const response = await call("POST", `${sandbox}/exec`, { command: "echo one; read -t 30 < <(sleep 30); echo two" }, { accept: "text/event-stream" });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: stdout")) text += (await reader.read()).value ?? assert.fail(text);
    assert.match(text, /^event: start\ndata: \{"type":"start","id":"exec_[0-9a-f]{24}","command":"echo one/);
    assert.match(text, /"data":"one\\n"/);
    // A client that leaves ends its command.
    await reader.cancel();
    await until("the end of the command", async () => {
      const { executions } = await json(200, await call("GET", `${sandbox}/executions`));
      return executions[0]?.status === "killed";
    });
  });

  test("commands that start after a change of variables have them, and no response shows a value", async () => {
    const sandbox = await create({ env: { A: "first", GONE: "1" } });
    const seen = async () => (await exec(sandbox, 'echo "$A,$B,$GONE"')).stdout;
    assert.equal(await seen(), "first,,1\n");
    const changed = await call("PATCH", `${sandbox}/env`, { env: { A: "s3cret", B: "two words", GONE: null } });
    const text = await changed.text();
    assert.deepEqual(JSON.parse(text), { env_names: ["A", "B"] });
    assert.equal(await seen(), "s3cret,two words,\n");
    assert.equal((await exec(sandbox, "echo $A", { session: "s" })).stdout, "s3cret\n");
    await json(200, await call("PATCH", sandbox, { env: { A: "by settings" } }));
    assert.equal(await seen(), "by settings,,\n");
    assert.deepEqual(await json(200, await call("PUT", `${sandbox}/env`, { env: { B: "s3cret" } })), { env_names: ["B"] });
    await json(200, await call("POST", `${sandbox}/sleep`));
    const shown = await Promise.all([call("GET", sandbox), call("GET", SANDBOXES), call("GET", `${sandbox}/env`)].map(async (response) => (await response).text()));
    assert.ok(shown.every((one) => !one.includes("s3cret")), shown.join());
    assert.equal(await seen(), ",s3cret,\n");
    const wrong = await problem(400, await call("PATCH", `${sandbox}/env`, { env: { "A=B": "s3cret", C: 7 } }));
    assert.deepEqual(wrong.errors?.map(({ field }) => field), ["env", "env.C"]);
    assert.ok(!JSON.stringify(wrong).includes("s3cret"));
  });

  test("a bad directory is an error and no command", async () => {
    const sandbox = await create();
    const refused = await problem(404, await call("POST", `${sandbox}/exec`, { command: "ls", cwd: "/none" }));
    assert.equal(refused.code, "file_not_found");
  });

  test("a file runs in its language", async () => {
    const sandbox = await create({ language: "python" });
    const file = { operation: "create", file_path: "script.py", content: 'print("Hello World")' };
    await json(200, await call("POST", `${sandbox}/files`, file));
    const result = await json(200, await call("POST", `${sandbox}/execute`, { file_path: "script.py", timeout: 30 }));
    assert.deepEqual([result.output, result.exit_code, result.ok, result.file_path], ["Hello World\n", 0, true, "script.py"]);
    await json(200, await call("POST", `${sandbox}/files`, { operation: "create", file_path: "a.js", content: "console.log(process.argv[2])" }));
    assert.equal((await json(200, await call("POST", `${sandbox}/execute`, { file_path: "a.js", args: ["x"] }))).output, "x\n");
    const { executions } = await json(200, await call("GET", `${sandbox}/executions`));
    assert.deepEqual(executions.map(({ file_path }: Json) => file_path), ["a.js", "script.py"]);
  });
});

describe("files", () => {
  test("names and lines are searched by the user of the sandbox", async () => {
    const sandbox = await create();
    await exec(sandbox, "mkdir -p src/.git; echo 'first\nan öre of gold' > src/mine.txt; echo gold > src/.git/x; touch src/golden; ln -s /etc out; printf 'gold\\0' > src/binary; echo gold > locked; chmod 0 locked");
    const search = async (query: string) => json(200, await call("GET", `${sandbox}/files/search?${query}`));
    const line = { path: "/workspace/src/mine.txt", line: 2, column: 11, excerpt: "an öre of gold" };
    assert.deepEqual(await search("q=gold&hidden=false"), { matches: [{ path: "/workspace/src/golden" }, line], more: false });
    assert.deepEqual((await search("q=gold&limit=1")), { matches: [{ path: "/workspace/src/.git/x", line: 1, column: 1, excerpt: "gold" }], more: true });
    assert.deepEqual((await search(`q=${encodeURIComponent("(?i)\\bÖRE\\b")}&regex=true&path=src`)).matches, [{ ...line, column: 4 }]);
    assert.deepEqual((await search("q=root:x:0:0&path=/workspace/out")).matches.map(({ path }: Json) => path), ["/workspace/out/passwd"]);
    assert.deepEqual((await search("q=root:x:0:0")).matches, [], "no link is followed on the way");
    for (const [query, field] of [["q=", "q"], ["q=(&regex=true", "q"], ["q=a&limit=0", "limit"], ["q=a&regex=maybe", "regex"]]) {
      assert.equal((await problem(400, await call("GET", `${sandbox}/files/search?${query}`))).errors?.[0]?.field, field, query);
    }
    assert.equal((await problem(404, await call("GET", `${sandbox}/files/search?q=a&path=none`))).code, "file_not_found");
  });

  test("bytes come and go as they are, whole and in parts", async () => {
    const sandbox = await create();
    const bytes = new Uint8Array(randomBytes(3_000_000));
    const at = `${sandbox}/files/content?path=${encodeURIComponent("deep/dir/a b.bin")}`;
    const written = await json(200, await call("PUT", at, bytes));
    assert.deepEqual([written.path, written.size], ["/workspace/deep/dir/a b.bin", bytes.length]);
    assert.deepEqual(new Uint8Array(await (await call("GET", at)).arrayBuffer()), bytes);
    const part = await call("GET", at, undefined, { range: "bytes=10-19" });
    assert.deepEqual([part.status, part.headers.get("content-range")], [206, `bytes 10-19/${bytes.length}`]);
    assert.deepEqual(new Uint8Array(await part.arrayBuffer()), bytes.subarray(10, 20));
    assert.equal((await call("GET", at, undefined, { range: `bytes=${bytes.length}-` })).status, 416);
  });

  test("every operation does what it says, and what cannot be done has a code", async () => {
    const sandbox = await create();
    const post = (path: string, body: Json) => call("POST", `${sandbox}/files${path}`, body);
    assert.equal((await json(201, await post("/mkdir", { path: "a/b", recursive: true }))).type, "directory");
    assert.equal((await problem(409, await post("/mkdir", { path: "a" }))).code, "file_exists");
    await json(200, await post("", { operation: "create", file_path: "a/x", content: "AP8=", encoding: "base64" }));
    assert.equal((await json(201, await post("/copy", { from: "a/x", to: "a/y" }))).size, 2);
    assert.equal((await json(200, await post("/move", { from: "a/y", to: "z" }))).path, "/workspace/z");
    assert.equal((await json(200, await post("/chmod", { path: "z", mode: "600" }))).mode, "0600");
    const read = await json(200, await post("", { operation: "read", file_path: "z" }));
    assert.deepEqual([read.content, read.encoding], ["AP8=", "base64"]);
    const listing = await json(200, await call("GET", `${sandbox}/files?path=a`));
    assert.deepEqual(listing.entries.map(({ name }: Json) => name).sort(), ["b", "x"]);
    assert.equal((await problem(409, await call("DELETE", `${sandbox}/files?path=a`))).code, "directory_not_empty");
    assert.equal((await call("DELETE", `${sandbox}/files?path=a&recursive=true`)).status, 204);
    assert.equal((await problem(404, await call("GET", `${sandbox}/files?path=a`))).code, "file_not_found");
    assert.equal((await problem(409, await call("GET", `${sandbox}/files/content?path=/workspace`))).code, "is_directory");
    assert.equal((await problem(400, await call("GET", `${sandbox}/files/content?path=`))).errors?.[0]?.field, "path");
  });
});

describe("lifetime", () => {
  test("files survive sleep, processes do not, and two callers cost one start", async () => {
    const sandbox = await create();
    await exec(sandbox, "echo kept > kept; ln -s kept link; chmod 711 kept; echo lost > /tmp/lost; sleep 300 > /dev/null 2>&1 &");
    assert.equal((await json(200, await call("POST", `${sandbox}/sleep`))).status, "sleeping");
    assert.ok((await json(200, await call("GET", sandbox))).saved_at);
    const [one, two] = await Promise.all([exec(sandbox, "cat link; stat -c %a kept; ls /tmp; pgrep sleep"), exec(sandbox, "cat kept")]);
    assert.deepEqual([one.stdout, two.stdout, one.restoredFrom], ["kept\n711\n", "kept\n", undefined]);
  });

  test("a tree of many parts is restored byte for byte", async () => {
    const sandbox = await create();
    const before = await exec(sandbox, "head -c 20000000 /dev/urandom > big; sha256sum big");
    assert.equal((await json(200, await call("POST", `${sandbox}/sleep`))).status, "sleeping");
    assert.equal((await exec(sandbox, "sha256sum big")).stdout, before.stdout);
  });

  test("a sandbox goes to sleep by itself", async () => {
    const sandbox = await create({ runtime_config: { sleepAfter: 1 } });
    await exec(sandbox, "echo a > a");
    await until("its sleep", async () => (await json(200, await call("GET", sandbox))).status === "sleeping");
    assert.equal((await exec(sandbox, "cat a")).stdout, "a\n");
  });

  test("a runner that dies loses nothing that was saved, and the next answer says so", async () => {
    const sandbox = await create({ runtime_config: { saveEverySeconds: 1 } });
    await exec(sandbox, "echo kept > kept");
    await until("its save", async () => (await json(200, await call("GET", sandbox))).saved_at !== null);
    await docle.runner.kill();
    const away = await call("POST", `${sandbox}/exec`, { command: "ls" });
    assert.ok([502, 503].includes(away.status), `${away.status} ${await away.text()}`);
    await docle.runner.restart();
    const response = await call("POST", `${sandbox}/exec`, { command: "cat kept" });
    const restored = response.headers.get("x-docle-restored-from");
    const result = await json(200, response);
    assert.equal(result.stdout, "kept\n");
    assert.ok(result.restoredFrom !== undefined && result.restoredFrom === restored, JSON.stringify(result));
    assert.equal((await exec(sandbox, "true")).restoredFrom, undefined);
    assert.equal((await json(200, await call("GET", sandbox))).restoredFrom, restored);
  });

  test("an object that is taken out of memory goes on with its machine", async () => {
    const sandbox = await create();
    await exec(sandbox, "echo a > a; echo t > /tmp/t");
    await docle.worker.reset();
    assert.equal((await exec(sandbox, "cat a /tmp/t")).stdout, "a\nt\n");
  });

  test("a sandbox is deleted while a command runs", async () => {
    const sandbox = await create();
    const response = await call("POST", `${sandbox}/exec`, { command: "echo on; sleep 300" }, { accept: "text/event-stream" });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: stdout")) text += (await reader.read()).value ?? assert.fail(text);
    assert.equal((await call("DELETE", sandbox)).status, 204);
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) text += chunk.value;
    assert.match(text, /event: (complete|error)\n/);
    assert.equal((await problem(404, await call("GET", sandbox))).code, "sandbox_not_found");
    assert.equal((await problem(404, await call("POST", `${sandbox}/exec`, { command: "ls" }))).code, "sandbox_not_found");
  });

  test("fifty sandboxes work side by side", async () => {
    const sandboxes = await Promise.all(Array.from({ length: 50 }, () => create()));
    const results = await Promise.all(sandboxes.map((sandbox, index) => exec(sandbox, `echo ${index} > own; cat own`)));
    assert.deepEqual(results.map(({ stdout }) => stdout), sandboxes.map((_, index) => `${index}\n`));
    await Promise.all(sandboxes.map((sandbox) => call("DELETE", sandbox)));
  });
});

test("the calls of the first guide work as they are printed", async () => {
  const auth = { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json" };
  const made = await json(201, await docle.fetch("/api/v1/sandboxes/", { method: "POST", headers: auth, body: '{\n    "name": "My Python Sandbox",\n    "language": "python",\n    "description": "Testing AI scripts"\n  }' }));
  const path = `/api/v1/sandboxes/${made.id}`;
  const file = await docle.fetch(`${path}/files`, { method: "POST", headers: auth, body: '{\n    "operation": "create",\n    "file_path": "script.py",\n    "content": "print(\\"Hello World\\")"\n  }' });
  assert.equal((await json(200, file)).success, true);
  const run = await docle.fetch(`${path}/execute`, { method: "POST", headers: auth, body: '{\n    "file_path": "script.py",\n    "timeout": 30\n  }' });
  assert.equal((await json(200, run)).output, "Hello World\n");
});

test("changes at once of settings and of variables took each other back", async () => {
  const sandbox = await create({ env: { FIRST: "1" } });
  const numbers = Array.from({ length: 12 }, (_, number) => number);
  const changes = numbers.flatMap((number) => [
    call("PATCH", `${sandbox}/env`, { env: { [`V${number}`]: String(number) } }),
    call("PATCH", sandbox, number % 2 ? { name: `name ${number}` } : { runtime_config: { sleepAfter: 600 + number } }),
    call("PATCH", sandbox, { description: "described" }),
  ]);
  for (const response of await Promise.all(changes)) await json(200, response);
  const names = (await json(200, await call("GET", `${sandbox}/env`))).env_names as string[];
  assert.deepEqual(new Set(names), new Set(["FIRST", ...numbers.map((number) => `V${number}`)]));
  const changed = await json(200, await call("GET", sandbox));
  assert.match(changed.name, /^name \d+$/);
  assert.equal(changed.description, "described");
  assert((changed.runtime_config.sleepAfter as number) >= 600);
  const said = await json(200, await call("POST", `${sandbox}/exec`, { command: "echo $FIRST $V3 $V11" }));
  assert.equal(said.stdout, "1 3 11\n");

  const value = "x".repeat(65_000);
  for (let number = 0; number < 16; number++) await json(200, await call("PATCH", `${sandbox}/env`, { env: { [`LONG${number}`]: value } }));
  const refused = await problem(400, await call("PATCH", `${sandbox}/env`, { env: { ONE_MORE: value } }));
  assert.equal(refused.code, "invalid_request");
  assert.match(JSON.stringify(refused), /1048576 bytes/);
});
