//! Files into a run by a form: through fetch, and from one place to the next without a change of a byte.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { Docle, problem, type RunResult } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

const policy = { timeoutMs: 30_000 };
const HASHES = "import hashlib, os\nfor name in sorted(os.listdir('data')): print(name, hashlib.sha256(open('data/' + name, 'rb').read()).hexdigest())";
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function form(request: object, files: Record<string, Uint8Array | string>): FormData {
  const form = new FormData();
  form.append("request", JSON.stringify({ lang: "python", policy, ...request }));
  for (const [path, content] of Object.entries(files)) form.append("files", new Blob([content]), path);
  return form;
}

const post = (body: FormData, headers: Record<string, string> = {}) => docle.fetch("/api/run", { method: "POST", headers: { authorization: `Bearer ${docle.worker.key}`, ...headers }, body });

/** Runs a form, and answers with the result. */
async function run(body: FormData, headers: Record<string, string> = {}): Promise<RunResult> {
  const response = await post(body, headers);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as RunResult;
}

test("files of all sizes arrive as they were sent", async () => {
  const sizes = [0, 1, 65_535, 65_536, 65_537, 262_144, 1_000_000, 7_000_000];
  const files = Object.fromEntries(sizes.map((size) => [`data/${String(size).padStart(8, "0")}`, randomBytes(size)]));
  const { stdout, status, stderr } = await run(form({}, { "main.py": HASHES, ...files }));
  assert.equal(status, "success", stderr);
  const expected = Object.entries(files).map(([path, bytes]) => `${path.slice(5)} ${sha256(bytes)}\n`);
  assert.equal(stdout, expected.join(""));
});

test("bytes that look like the end of a part are bytes", async () => {
  const tricky = Buffer.from("\r\n--\r\n------\r\n\r\n--x--\r\n".repeat(5_000));
  const { stdout } = await run(form({}, { "main.py": HASHES, "data/a": tricky, "data/b": "\r\n" }));
  assert.equal(stdout, `a ${sha256(tricky)}\nb ${sha256(Buffer.from("\r\n"))}\n`);
});

test("a program itself may be large", async () => {
  const { stdout } = await run(form({ entrypoint: "big.py" }, { "big.py": `print(42)\n${"#".repeat(200_000)}\n` }));
  assert.equal(stdout, "42\n");
});

test("a detached run with a form goes on, and files come back", async () => {
  const bytes = randomBytes(500_000);
  const response = await post(form({ detach: true, artifacts: ["copy"] }, { "main.py": "open('copy', 'wb').write(open('data', 'rb').read())", data: bytes }));
  assert.equal(response.status, 202);
  const { id } = (await response.json()) as { id: string };
  const { artifacts, stderr } = await docle.recorded(id);
  assert.equal(artifacts?.[0]?.sha256, sha256(bytes), stderr);
});

test("a form that is repeated with its key runs once", async () => {
  const send = () => run(form({}, { "main.py": "import os; print(os.urandom(8).hex())", data: "x".repeat(100_000) }), { "idempotency-key": "form" });
  const [first, second] = [await send(), await send()];
  assert.deepEqual([second.id, second.stdout], [first.id, first.stdout]);
});

test("a form of more than ten mebibytes is refused, and so is one without a key", async () => {
  const { code } = await problem(413, await post(form({}, { "main.py": "", data: randomBytes(11 << 20) })));
  assert.equal(code, "body_too_large");
  await problem(401, await docle.fetch("/api/run", { method: "POST", body: form({}, { "main.py": "" }) }));
});
