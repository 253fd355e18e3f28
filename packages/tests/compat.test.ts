//! `/compat`: the published clients of other code runners, unchanged, after a change of their address.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import piston from "piston-client";
import { uv } from "../../scripts/setup/paths.mjs";
import { EmbedFixture } from "../../tests/harness/embed.ts";
import { json } from "../../tests/harness/platform.ts";
import { until } from "../../tests/harness/until.ts";

const site = await EmbedFixture.start();
const folder = mkdtempSync(join(tmpdir(), "docle-compat-"));
const python = join(folder, "venv", "bin", "python");
after(async () => {
  await site.stop();
  rmSync(folder, { recursive: true, force: true });
});

const authorization = `Bearer ${site.secret}`;
const post = (path: string, body: unknown, headers: Record<string, string> = { authorization }) =>
  fetch(site.url + path, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });

/** A key that may stand in URLs. */
const soon = () => new Date(Date.now() + 86_400_000).toISOString();
const { key: urlKey } = await json(201, await site.user.call("POST", `/api/projects/${site.project}/keys`, { allowInUrl: true, expiresAt: soon() }));

/** What a program for a client in Python prints. */
async function inPython(program: string, env: Record<string, string> = {}): Promise<string> {
  const file = join(folder, "program.py");
  writeFileSync(file, program);
  const { stdout } = await promisify(execFile)(python, [file], { env: { ...process.env, KEY: site.secret, URL: site.url, ...env } });
  return stdout;
}

before(async () => {
  const run = promisify(execFile);
  const env = { ...process.env, UV_PYTHON_DOWNLOADS: "never" };
  await run(uv, ["venv", "--quiet", "--python", ">=3.10", join(folder, "venv")], { env });
  await run(uv, ["pip", "install", "--quiet", "--python", python, "ultra-piston==1.0.1", "aiopyston==1.2.1", "sandbox-fusion==0.3.7"], { env });
});

interface PistonStage {
  stdout: string;
  stderr: string;
  output: string;
  code: number | null;
  signal: string | null;
  message: string | null;
  status: string | null;
  cpu_time: number;
  wall_time: number;
  memory: number | null;
}
interface PistonAnswer {
  language: string;
  version: string;
  run: PistonStage;
  compile?: PistonStage;
  message?: string;
}

describe("Piston", () => {
  const execute = async (body: object) => (await (await post("/compat/piston/api/v2/execute", { version: "*", ...body })).json()) as PistonAnswer;
  const code = (content: string) => ({ files: [{ content }] });

  test("piston-client runs code, with the key as password of the address", async () => {
    const client = piston({ server: site.url.replace("://", `://x:${site.secret}@`) + "/compat/piston" });
    const runtimes = (await client.runtimes()) as { language: string; version: string; aliases: string[]; runtime?: string }[];
    for (const name of ["python", "javascript"]) {
      const { version } = runtimes.find(({ language }) => language === name) ?? assert.fail(`no ${name}`);
      assert.match(version, /^\d+\.\d+\.\d+$/);
      const print = name === "python" ? "import sys; print(sys.argv[1:], sys.version.split()[0])" : "console.log(process.argv.slice(2), process.versions.node)";
      const answer = (await client.execute(name, print)) as PistonAnswer;
      assert.deepEqual([answer.language, answer.version, answer.run.code, answer.run.signal], [name, version, 0, null]);
      assert.equal(answer.run.stdout.replaceAll("'", "").replace("[ ", "[").replace(" ]", "]"), `[1, 2, 3] ${version}\n`);
      assert.equal(answer.run.output, answer.run.stdout);
    }
    assert.deepEqual(runtimes.find(({ language }) => language === "javascript")?.runtime, "node");
    const failed = (await client.execute("python", "import sys; print(input()); sys.exit(3)", { language: "python", stdin: "a" })) as PistonAnswer;
    assert.deepEqual([failed.run.stdout, failed.run.code, failed.run.status], ["a\n", 3, "RE"]);
  });

  test("ultra-piston and aiopyston run code, with the key alone in Authorization", async () => {
    const printed = await inPython(`
import asyncio, os
from ultra_piston import PistonClient, File
from pyston import PystonClient, File as PystonFile

base = os.environ["URL"] + "/compat/piston/api/v2/"
client = PistonClient(base_url=base, api_key=os.environ["KEY"], rate_limit=0)
print([runtime.language for runtime in client.get_runtimes() if runtime.language == "python"])
print(client.post_execute("py", "3.10.0", File(content="print(6 * 7)"), run_timeout=2500).run.output)

async def main():
    client = PystonClient(base_url=base, api_key=os.environ["KEY"])
    output = await client.execute("python", [PystonFile("import sys; print(sys.stdin.read().upper())")], stdin="abc")
    print(output.run_stage.output)
    try:
        await client.execute("klingon", [PystonFile("1")])
    except Exception as error:
        print(type(error).__name__, error)
    await client.close_session()

asyncio.run(main())
`);
    const [languages, answer, , upper, , ...rest] = printed.split("\n");
    assert.deepEqual([languages, answer, upper], ["['python']", "42", "ABC"], printed);
    assert.match(rest.join("\n"), /klingon-\* runtime is unknown/);
  });

  test("each end has its status", async () => {
    const ends: [program: string, more: object, status: string | null, code: number | null, signal: string | null][] = [
      ["print(1)", {}, null, 0, null],
      ["1/0", {}, "RE", 1, null],
      ["while True: pass", { run_timeout: 300 }, "TO", null, "SIGKILL"],
      ["while True: pass", { run_cpu_time: 200 }, "TO", null, "SIGKILL"],
      ["x = 'x' * 400_000_000", { run_memory_limit: 64 * 1024 * 1024 }, "SG", null, "SIGKILL"],
      ["while True: print('x' * 10_000)", {}, "OL", null, "SIGKILL"],
      ["import sys\nwhile True: print('x' * 10_000, file=sys.stderr)", {}, "EL", null, "SIGKILL"],
      ["import os; os.kill(os.getpid(), 11)", {}, "SG", null, "SIGSEGV"],
    ];
    for (const [program, more, ...expected] of ends) {
      const { run } = await execute({ language: "python", ...code(program), ...more });
      assert.deepEqual([run.status, run.code, run.signal], expected, `${program}: ${JSON.stringify(run).slice(0, 300)}`);
      assert.ok(Number.isInteger(run.cpu_time) && Number.isInteger(run.wall_time) && Number.isInteger(run.memory), program);
      assert.equal(run.message === null, ["RE", null].includes(run.status), program);
    }
  });

  test("output has both streams in their order, files come in each encoding, and the first one of text is the program", async () => {
    const program = "import sys, time\nprint(1, flush=True)\ntime.sleep(0.2)\nprint(2, file=sys.stderr, flush=True)\ntime.sleep(0.2)\nprint(open('a.bin', 'rb').read(), open('lib/b.txt').read(), __file__)";
    const files = [
      { name: "a.bin", encoding: "hex", content: "00ff" },
      { name: "my code.py", content: program },
      { name: "lib/b.txt", encoding: "base64", content: Buffer.from("é").toString("base64") },
    ];
    const { run } = await execute({ language: "PYTHON", files });
    assert.equal(run.output, "1\n2\nb'\\x00\\xff' é /workspace/my code.py\n");
    assert.deepEqual([run.stdout.split("\n").length, run.stderr], [3, "2\n"]);
  });

  test("what is wrong with a request is said in its own words", async () => {
    const wrong: [body: unknown, status: number, message: RegExp][] = [
      [{ version: "*", ...code("1") }, 400, /^language is required as a string$/],
      [{ language: "python", ...code("1") }, 400, /^version is required as a string$/],
      [{ language: "klingon", version: "1.0", ...code("1") }, 400, /^klingon-1\.0 runtime is unknown$/],
      [{ language: "python", version: "*", files: "print(1)" }, 400, /^files is required as an array$/],
      [{ language: "python", version: "*", files: [] }, 400, /^files must include at least one utf8 encoded file$/],
      [{ language: "python", version: "*", files: [{}] }, 400, /^files\[0\]\.content is required as a string$/],
      [{ language: "python", version: "*", files: [{ content: "1", name: "../x" }] }, 400, /files\[0\]/],
      [{ language: "python", version: "*", ...code("1"), run_timeout: "1" }, 400, /^run_timeout is required as a number$/],
      [{ language: "python", version: "*", ...code("1"), run_timeout: 10_000_000 }, 400, /^run_timeout cannot exceed the configured limit of \d+$/],
      [{ language: "python", version: "*", ...code("1"), run_memory_limit: 1e12 }, 400, /^run_memory_limit cannot exceed the configured limit of 2147483648$/],
      ["{", 400, /not JSON/],
    ];
    for (const [body, status, message] of wrong) {
      const response = await post("/compat/piston/api/v2/execute", body);
      const answer = (await response.json()) as Record<string, string>;
      assert.equal(response.status, status, JSON.stringify(answer));
      assert.deepEqual(Object.keys(answer), ["message"]);
      assert.match(answer.message ?? "", message);
    }
    assert.equal((await post("/compat/piston/api/v2/execute/", { language: "python", version: "*", ...code("1"), run_timeout: -1, colour: "red" }, { authorization, "content-type": "text/plain" })).status, 200);
    assert.equal((await post("/compat/piston/api/v2/packages", {})).status, 403);
  });
});

describe("keys", () => {
  const body = { language: "python", version: "*", files: [{ content: "print(1)" }] };
  const path = "/compat/piston/api/v2/execute";

  test("a key is taken in every form that clients send", async () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    for (const headers of [{ authorization: site.secret }, { authorization: `token ${site.secret}` }, { authorization: basic(`x:${site.secret}`) }, { authorization: basic(`${site.secret}:`) }, { "x-api-key": site.secret }, { "x-auth-token": site.secret }] as Record<string, string>[]) {
      assert.equal((await post(path, body, headers)).status, 200, JSON.stringify(headers));
    }
    for (const headers of [{}, { authorization: "Bearer sk_live_x" }, { authorization: basic("x:y") }] as Record<string, string>[]) {
      const response = await post(path, body, headers);
      assert.equal(response.status, 401);
      assert.deepEqual(Object.keys((await response.json()) as object), ["message"]);
    }
  });

  test("a key in a URL was taken that was not made for it", async () => {
    const refused = await post(`/k/${site.secret}${path}`, body, {});
    const { message } = (await refused.json()) as { message: string };
    assert.equal(refused.status, 401);
    assert.match(message, /allowInUrl/);
    assert.ok(!message.includes(site.secret));
    assert.equal((await post(`/k/${urlKey as string}${path}`, body, {})).status, 200);
  });

  test("a key for URLs read and did more than run programs", async () => {
    const bearer = { authorization: `Bearer ${urlKey as string}`, "content-type": "application/json" };
    const { id } = await json(200, await post("/api/run", { lang: "python", code: "print('secret')" }));
    const { input } = await json(200, await fetch(`${site.url}/api/run/${id}`, { headers: bearer }));
    assert.equal(input, undefined);
    for (const [method, path, body] of [
      ["GET", "/api/runs"],
      ["DELETE", `/api/run/${id}`],
      ["POST", "/api/tokens", {}],
      ["POST", "/execute", { code: "return 1" }],
      ["POST", "/api/run", { tier: "isolate", lang: "javascript", code: "1" }],
      ["POST", "/api/v1/sandboxes", { name: "x" }],
      ["GET", "/api/v1/sandboxes"],
      ["GET", "/executions"],
    ] as [string, string, object?][]) {
      const response = await fetch(site.url + path, { method, headers: bearer, ...(body ? { body: JSON.stringify(body) } : {}) });
      assert.ok([403, 404].includes(response.status), `${method} ${path}: ${response.status} ${await response.text()}`);
    }
    assert.equal((await post("/api/run", { lang: "python", code: "print(1)" }, bearer)).status, 200);
  });

  test("a key in a URL was shown again in an error", async () => {
    for (const rest of ["/api/run", "/compat/nothing", "/", "", "/compat/piston/api/v2/execute/more"]) {
      const response = await fetch(`${site.url}/k/${site.secret}${rest}`, { headers: { accept: "application/json" } });
      assert.equal(response.status, 404, rest);
      assert.ok(!(await response.text()).includes(site.secret), rest);
    }
  });
});

describe("SandboxFusion", () => {
  test("sandbox_fusion runs and compiles code, with the key in the address", async () => {
    const printed = await inPython(
      `
import base64, json
from sandbox_fusion import run_code, RunCodeRequest

def show(answer):
    run = answer.run_result
    print(json.dumps([answer.status, run and [run.status, run.return_code, run.stdout, run.stderr[-40:]], answer.files]))

show(run_code(RunCodeRequest(code="print(input())", language="python", stdin="a")))
show(run_code(RunCodeRequest(code="import sys; sys.exit(3)", language="python")))
show(run_code(RunCodeRequest(code="while True: pass", language="python", run_timeout=0.5)))
files = {"in.txt": base64.b64encode(b"x").decode(), "gone.txt": None}
show(run_code(RunCodeRequest(code="open('out.txt', 'w').write(open('in.txt').read() * 3)", language="python", files=files, fetch_files=["out.txt"])))
show(run_code(RunCodeRequest(code="console.log(1)", language="nodejs")))
`,
      { SANDBOX_FUSION_ENDPOINT: `${site.url}/k/${urlKey as string}/compat/sandbox-fusion` },
    );
    const lines = printed.trim().split("\n").map((line) => JSON.parse(line) as unknown);
    assert.deepEqual(lines, [
      ["Success", ["Finished", 0, "a\n", ""], {}],
      ["Failed", ["Finished", 3, "", ""], {}],
      ["Failed", ["TimeLimitExceeded", 124, "", ""], {}],
      ["Success", ["Finished", 0, "", ""], { "out.txt": Buffer.from("xxx").toString("base64") }],
      ["Success", ["Finished", 0, "1\n", ""], {}],
    ]);
  });

  test("what it does not have is said", async () => {
    for (const [body, message] of [
      [{ code: "1", language: "verilog" }, /verilog/],
      [{ code: "1", language: "python2" }, /python2/],
      [{ language: "python" }, /code must be a string/],
      [{ code: "1", language: "python", run_timeout: 100_000 }, /run_timeout may be at most/],
    ] as [object, RegExp][]) {
      const response = await post("/compat/sandbox-fusion/run_code", body);
      assert.equal(response.status, 422);
      const { detail } = (await response.json()) as { detail: { loc: string[]; msg: string }[] };
      assert.match(detail[0]?.msg ?? "", message);
    }
  });
});

describe("Dify", () => {
  const run = async (body: object, headers: Record<string, string> = { "x-api-key": site.secret }) => {
    const response = await post("/compat/dify/v1/sandbox/run", { language: "python3", preload: "", enable_network: true, ...body }, headers);
    return { status: response.status, answer: (await response.json()) as { code: number; message: string; data: { stdout: string; error: string } | null } };
  };

  test("a code node gets its output byte by byte, and fails with what the program wrote to standard error", async () => {
    const marked = await run({ code: "print('<<RESULT>>{\"a\": \"é\"}<<RESULT>>', end='')" });
    assert.deepEqual(marked, { status: 200, answer: { code: 0, message: "success", data: { stdout: '<<RESULT>>{"a": "é"}<<RESULT>>', error: "", stderr: "", exit_code: 0 } } });
    assert.equal((await run({ language: "nodejs", code: "console.log(x)", preload: "const x = 1" })).answer.data?.stdout, "1\n");
    assert.match((await run({ code: "1/0" })).answer.data?.error ?? "", /ZeroDivisionError/);
    assert.match((await run({ code: "raise SystemExit(3)" })).answer.data?.error ?? "", /exit code 3/);
  });

  test("a refusal is a message, and a wrong key a status", async () => {
    assert.equal((await run({ code: "1" }, {})).status, 401);
    const { status, answer } = await run({ code: "1", language: "cobol" });
    assert.deepEqual([status, answer.code, answer.data], [200, -400, null]);
    assert.match(answer.message, /cobol/);
    assert.equal(await (await fetch(`${site.url}/compat/dify/health`)).json(), "ok");
    const { data } = (await (await fetch(`${site.url}/compat/dify/v1/sandbox/dependencies?language=python3`)).json()) as { data: unknown };
    assert.deepEqual(data, { dependencies: [] });
  });
});

describe("codapi", () => {
  const codapi = dirname(createRequire(import.meta.url).resolve("@antonz/codapi/package.json"));
  const scripts = ["settings.js", "snippet.js"].map((name) => `<script>${readFileSync(join(codapi, "dist", name), "utf8")}</script>`).join("");
  const snippet = (sandbox: string, code: string) => `<pre>${code}</pre><codapi-snippet sandbox="${sandbox}" editor="basic"></codapi-snippet>`;

  test("its elements on a page run code with a publishable key", async () => {
    const settings = `<codapi-settings url="${site.url}/k/${site.key}/compat/codapi/v1"></codapi-settings>`;
    const lesson = await site.open(`${settings}${snippet("python", "print(6 * 7)")}${snippet("python", "1/0")}${scripts}`);
    for (const [index, expected] of [/^42$/m, /ZeroDivisionError/].entries()) {
      const text = () => lesson.page.evaluate((at) => document.querySelectorAll("codapi-snippet")[at]?.textContent ?? "", index);
      await lesson.page.evaluate((at) => document.querySelectorAll("codapi-snippet")[at]?.querySelector("button")?.click(), index);
      await until(`the end of program ${index}`, async () => expected.test(await text()));
    }
  });

  test("a publishable key in a URL is for its pages only", async () => {
    const body = { sandbox: "python", command: "run", files: { "": "print(1)" } };
    const path = `/k/${site.key}/compat/codapi/v1/exec`;
    assert.equal((await post(path, body, {})).status, 403);
    assert.equal((await post(path, body, { origin: "http://evil.localhost" })).status, 403);
    const response = await post("/compat/codapi/v1/exec", { ...body, command: "format" });
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as { stderr: string }).stderr, /no command "format"/);
  });
});

test("a client that left went on running", async () => {
  const abort = new AbortController();
  const body = JSON.stringify({ language: "python", version: "*", files: [{ content: "import time; time.sleep(60)" }], run_timeout: 60_000 });
  const call = fetch(`${site.url}/compat/piston/api/v2/execute`, { method: "POST", headers: { authorization }, body, signal: abort.signal }).then((response) => response.text());
  await until("it runs", async () => (await site.health()).running === 1);
  abort.abort();
  await assert.rejects(call);
  await until("nothing runs any more", async () => (await site.health()).running === 0);
});
