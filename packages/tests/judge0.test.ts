//! Judge0: its published client, unchanged, after a change of its address, and what the client does not say.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { uv } from "../../scripts/setup/paths.mjs";
import { Docle } from "../../tests/harness/docle.ts";
import { until } from "../../tests/harness/until.ts";

const service = await Docle.start();
const folder = mkdtempSync(join(tmpdir(), "docle-judge0-"));
const python = join(folder, "venv", "bin", "python");
const run = promisify(execFile);
const { key, url } = service.worker;
const base = `${url}/compat/judge0`;
after(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});
before(async () => {
  const env = { ...process.env, UV_PYTHON_DOWNLOADS: "never" };
  await run(uv, ["venv", "--quiet", "--python", ">=3.10", join(folder, "venv")], { env });
  await run(uv, ["pip", "install", "--quiet", "--python", python, "judge0==0.0.8"], { env });
});

const PYTHON = 71;
interface Submission {
  token?: string;
  error?: string;
  stdout?: string | null;
  stderr?: string | null;
  message?: string | null;
  time?: string;
  memory?: number;
  status?: { id: number; description: string };
}
const call = async (path: string, init: RequestInit = {}) => {
  const answer = await fetch(`${base}${path}`, { ...init, headers: { "x-auth-token": key, ...init.headers } });
  return { status: answer.status, told: (await answer.json()) as Submission & Record<string, unknown> };
};
const submit = (body: object, query = "") => call(`/submissions${query}`, { method: "POST", body: JSON.stringify(body) });

/** What a program for the client prints. */
async function inPython(program: string, flavor = "judge0") {
  const file = join(folder, "program.py");
  writeFileSync(file, program);
  const env = { ...process.env, JUDGE0_CE_ENDPOINT: base, JUDGE0_EXTRA_CE_ENDPOINT: `${url}/compat/${flavor}`, DOCLE_KEY: key, DOCLE_BASE_URL: url };
  const headers = JSON.stringify({ "X-Auth-Token": key });
  const { stdout } = await run(python, [file], { env: { ...env, JUDGE0_CE_AUTH_HEADERS: headers, JUDGE0_EXTRA_CE_AUTH_HEADERS: headers } });
  return stdout;
}

test("the published client runs the example of the documentation", { timeout: 120_000 }, async () => {
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const page = readFileSync(join(root, "docs", "compat.md"), "utf8");
  const example = Array.from(page.matchAll(/^```python\n([\s\S]*?)^```$/gm), ([, code = ""]) => code).find((code) => code.includes("import judge0")) ?? "";
  assert.equal(await inPython(example), "42\n\n['Accepted', 'Wrong Answer']\n");
});

test("the published client has all that a submission says, and both sets of languages", { timeout: 120_000 }, async () => {
  const program = `
import judge0
client = judge0.Client(endpoint="${base}", headers={"X-Auth-Token": "${key}"})
print(client.version, client.config.max_submission_batch_size, client.is_language_supported(judge0.PYTHON))
one = judge0.Submission(source_code="import sys\\nprint(input(), sys.argv[1:])\\nsys.stderr.write('e')\\nsys.exit(3)", stdin="h\\u00e9", language=judge0.PYTHON, command_line_arguments="a 'b c'")
one = judge0.run(client=client, submissions=one)
print(one.stdout, one.stderr, one.exit_code, one.status, one.message, one.source_code[:10], one.created_at <= one.finished_at, one.time > 0, one.memory > 1000)
many = judge0.run(client=client, submissions=[judge0.Submission(source_code=f"print({n})", language=judge0.PYTHON) for n in range(25)])
print([s.stdout for s in many] == [f"{n}\\n" for n in range(25)])
extra = judge0.Client(endpoint="${url}/compat/judge0-extra", headers={"X-Auth-Token": "${key}"})
print(extra.version, judge0.run(client=extra, source_code="print(6 * 7)").stdout)
`;
  const lines = (await inPython(program)).split("\n");
  assert.deepEqual(lines, [
    "1.13.1 20 True",
    "h\u00e9 ['a', 'b c']",
    // The client does not decode the message.
    ` e 3 Runtime Error Nzec ${Buffer.from("Exited with error status 3").toString("base64")} import sys True True True`,
    "True",
    "1.13.1-extra 42",
    "",
    "",
  ]);
});

test("a call that waits gets the verdict, in the fields that it names", async () => {
  const program = { source_code: "print(input()[::-1])", language_id: PYTHON, stdin: "abc" };
  const right = await submit({ ...program, expected_output: "cba  \n" }, "?wait=true");
  assert.equal(right.status, 201);
  assert.deepEqual(Object.keys(right.told).toSorted(), ["compile_output", "memory", "message", "status", "stderr", "stdout", "time", "token"]);
  assert.deepEqual([right.told.stdout, right.told.status], ["cba\n", { id: 3, description: "Accepted" }]);
  const wrong = await submit({ ...program, expected_output: "abc" }, "?wait=true&fields=status,stdout&base64_encoded=false");
  assert.deepEqual(wrong.told, { status: { id: 4, description: "Wrong Answer" }, stdout: "cba\n" });
  const ends: [code: string, rest: object, id: number][] = [
    ["while True: pass", { cpu_time_limit: 0.5 }, 5],
    ["import time; time.sleep(60)", { wall_time_limit: 0.5 }, 5],
    ["import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", {}, 7],
    ["import os; os.abort()", {}, 10],
    ["raise SystemExit(2)", {}, 11],
    ["b = bytearray(400 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1", {}, 12],
  ];
  for (const [source_code, rest, id] of ends) {
    const { told } = await submit({ source_code, language_id: PYTHON, ...rest }, "?wait=true");
    assert.equal(told.status?.id, id, `${source_code}: ${JSON.stringify(told)}`);
  }
});

test("a submission that goes on says so, and only its project reads it", async () => {
  const { status, told } = await submit({ source_code: "import time; time.sleep(60)", language_id: PYTHON, wall_time_limit: 90 });
  assert.deepEqual([status, Object.keys(told)], [201, ["token"]]);
  await until("it runs", async () => (await call(`/submissions/${told.token}?fields=status`)).told.status?.id === 2);
  const { told: list } = await call(`/submissions/batch?tokens=${told.token},00000000-0000-4000-8000-000000000000`);
  const submissions = (list as unknown as { submissions: (Submission | null)[] }).submissions;
  assert.deepEqual([submissions.length, submissions[1]], [2, null]);
  const stranger = await fetch(`${base}/submissions/${told.token}`, { headers: { "x-auth-token": "sk_live_wrong" } });
  assert.equal(stranger.status, 401);
  await fetch(`${url}/api/run/${told.token}`, { method: "DELETE", headers: { authorization: `Bearer ${key}` } });
  assert.equal((await call(`/submissions/${told.token}?fields=status`)).told.status?.id, 13);
});

test("what is expected of a program was there for it to read", async () => {
  const code = "import os\nfor base, _, names in os.walk('/workspace'):\n  for name in names: print(open(os.path.join(base, name)).read())\nprint(os.environ)";
  const { told } = await submit({ source_code: code, language_id: PYTHON, expected_output: "the secret answer" }, "?wait=true");
  assert.equal(told.status?.id, 4);
  assert.ok(!told.stdout?.includes("secret"), told.stdout ?? "");
});

test("what is wrong is said in its own words", async () => {
  const cases: [status: number, path: string, init: RequestInit, says: RegExp][] = [
    [422, "/submissions", { method: "POST", body: "{}" }, /"language_id":\["can't be blank"\],"source_code"/],
    [422, "/submissions?base64_encoded=true", { method: "POST", body: JSON.stringify({ language_id: PYTHON, source_code: "?" }) }, /"source_code":\["is not base64/],
    [422, "/submissions", { method: "POST", body: JSON.stringify({ language_id: PYTHON, source_code: "1", callback_url: "http://127.0.0.1" }) }, /callback_url/],
    [422, "/submissions", { method: "POST", body: JSON.stringify({ language_id: PYTHON, source_code: "1", memory_limit: 9e9 }) }, /memory_limit.*less than or equal/],
    [400, "/submissions/batch", { method: "POST", body: JSON.stringify({ submissions: Array(21).fill({}) }) }, /from 1 to 20/],
    [400, "/submissions/00000000-0000-4000-8000-000000000000?fields=x", {}, /invalid fields: \[x\]/],
    [404, "/submissions/00000000-0000-4000-8000-000000000000", {}, /error/],
    [403, "/submissions", {}, /GET \/api\/runs/],
    [404, "/languages/1", {}, /no language/],
    [401, "/authenticate", { method: "POST", headers: { "x-auth-token": "wrong" } }, /error/],
  ];
  for (const [status, path, init, says] of cases) {
    const answer = await call(path, init);
    assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer.told)}`);
    assert.match(JSON.stringify(answer.told), says);
  }
  assert.equal((await call("/authenticate", { method: "POST" })).status, 200);
  const mixed = await call("/submissions/batch", { method: "POST", body: JSON.stringify({ submissions: [{ language_id: PYTHON, source_code: "print(1)" }, {}] }) });
  const [first, second] = mixed.told as unknown as Submission[];
  assert.deepEqual([mixed.status, typeof first?.token, Object.keys(second ?? {})], [201, "string", ["language_id", "source_code"]]);
});
