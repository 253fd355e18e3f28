//! Files out of a run: which come, in what form, what their links answer, and what is left of them when the result is read again.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, describe, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { readEvents } from "../harness/events.ts";
import type { Artifact } from "../harness/jobs.ts";

const docle = await Docle.start();
after(() => docle.stop());

const policy = { timeoutMs: 30_000 };
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
/** A link to a file; what it is of. */
const linked = (url?: string) => /\/api\/artifacts\/[0-9a-f-]{36}\/([^?]+)\?sig=[\w.-]+$/.exec(url ?? "")?.[1];
/** The list without links, which are different for each run. */
const listed = (artifacts?: Artifact[]) => artifacts?.map(({ url, ...file }) => ({ ...file, linked: linked(url) }));
const run = (code: string, artifacts: string[], more: object = {}) => docle.run({ lang: "python", code, artifacts, policy, ...more });

test("bytes 0 to 255 come back as they were written", async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const result = await run("import os\nos.mkdir('out'); open('out/all.bin', 'wb').write(bytes(range(256)))", ["out/*"], { artifactsInline: true });
  assert.equal(result.status, "success", result.stderr);
  assert.deepEqual(listed(result.artifacts), [
    { name: "out/all.bin", size: 256, mimeType: "application/octet-stream", sha256: sha256(bytes), base64: bytes.toString("base64"), linked: "0-all.bin" },
  ]);
});

test("files go in and come out unchanged", async () => {
  const content = Buffer.alloc(200_000, "äö\0\xff").toString("base64");
  const files = [{ path: "main.js", content: "require('fs').copyFileSync('in', 'out.png')" }, { path: "in", content, encoding: "base64" }];
  const { artifacts } = await docle.run({ lang: "node", files, artifacts: ["out.png"], artifactsInline: true, policy });
  assert.deepEqual([artifacts?.[0]?.base64, artifacts?.[0]?.mimeType], [content, "image/png"]);
});

test("without artifactsInline there is no content, and without artifacts no list", async () => {
  const { artifacts } = await run("open('a.csv', 'w').write('1')", ["*.csv", "*.none"]);
  assert.deepEqual(listed(artifacts), [{ name: "a.csv", size: 1, mimeType: "text/csv", sha256: sha256(Buffer.from("1")), linked: "0-a.csv" }]);
  assert.deepEqual((await run("", ["*.none"])).artifacts, []);
  assert.ok(!("artifacts" in (await docle.run({ lang: "python", code: "", policy }))));
});

test("what is too large to inline says so", async () => {
  const code = "for n in range(6): open(str(n), 'wb').write(bytes(200_000))\nopen('big', 'wb').write(bytes(300_000))\nopen('empty', 'w').close()";
  const { artifacts } = await run(code, ["?", "big", "empty"], { artifactsInline: true });
  const said = artifacts?.map(({ name, base64, error }) => [name, base64?.length, error]);
  const inline = [0, 1, 2, 3, 4].map((n) => [`${n}`, 266_668, undefined]);
  assert.deepEqual(said, [...inline, ["5", undefined, "inline_full"], ["big", undefined, "too_large_to_inline"], ["empty", 0, undefined]]);
});

describe("files come back however the run ends", () => {
  const write = "open('a', 'w').write('x')\n";
  for (const [status, code, limits] of [
    ["error", "raise SystemExit(3)", {}],
    ["killed", "import os; os.kill(os.getpid(), 11)", {}],
    ["timeout", "while True: pass", { timeoutMs: 300 }],
    ["output", "while True: print('x' * 1000)", { maxOutputBytes: 1_024 }],
  ] as const) {
    test(status, async () => {
      const result = await docle.run({ lang: "python", code: write + code, artifacts: ["a"], artifactsInline: true, policy: { ...policy, ...limits } });
      assert.equal(result.status, status);
      assert.equal(result.artifacts?.[0]?.base64, "eA==");
    });
  }
});

test("a stream has an event for each file, and the files in its last event", async () => {
  const events = [];
  const body = { lang: "python", code: "__import__('os').write(1, b'1\\n')\nopen('a', 'w').write('x')", artifacts: ["a"], artifactsInline: true, policy };
  for await (const event of await docle.stream(body)) events.push(event);
  assert.deepEqual(events.map(({ event }) => event), ["start", "stdout", "artifact", "complete"]);
  assert.deepEqual(Object.keys(events[2]?.data ?? {}), ["type", "name", "size", "mimeType", "sha256", "url"]);
  const [artifact] = events.at(-1)?.data.artifacts as { base64: string }[];
  assert.equal(artifact?.base64, "eA==");
});

test("a result that is read again has the list without content", async () => {
  const { id } = await run("open('a', 'w').write('x')", ["a"], { artifactsInline: true });
  const stored = (await (await docle.fetch(`/api/run/${id}`)).json()) as { artifacts: Artifact[] };
  assert.deepEqual(listed(stored.artifacts), [{ name: "a", size: 1, mimeType: "application/octet-stream", sha256: sha256(Buffer.from("x")), linked: "0-a" }]);
});

describe("a link", () => {
  test("gives the bytes as they were, whole and in parts, to everybody", async () => {
    const code = "import os\nopen('big.bin', 'wb').write(os.urandom(10 << 20)); open('empty', 'w')";
    const { artifacts } = await run(code, ["*"]);
    const [big, empty] = artifacts ?? [];
    const response = await fetch(big?.url ?? "");
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get("content-length"), String(10 << 20));
    assert.deepEqual([bytes.length, sha256(bytes)], [10 << 20, big?.sha256]);
    assert.equal((await (await fetch(empty?.url ?? "")).arrayBuffer()).byteLength, 0);
    for (const [range, part] of [["bytes=5-8", bytes.subarray(5, 9)], ["bytes=-3", bytes.subarray(-3)], [`bytes=${(10 << 20) - 1}-`, bytes.subarray(-1)]] as const) {
      const response = await fetch(big?.url ?? "", { headers: { range } });
      assert.equal(response.status, 206);
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), part, range);
    }
    const head = await fetch(big?.url ?? "", { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("etag")], [200, `"${big?.sha256}"`]);
    assert.equal((await fetch(big?.url ?? "", { headers: { "if-none-match": `"${big?.sha256}"` } })).status, 304);
  });

  test("is there for a detached run, and in its stream", async () => {
    const response = await docle.post({ lang: "python", code: "open('a', 'w').write('x')", artifacts: ["a"], detach: true, policy });
    const { id } = (await response.json()) as { id: string };
    const events = [];
    const headers = { authorization: `Bearer ${docle.worker.key}`, accept: "text/event-stream" };
    for await (const event of readEvents(await docle.fetch(`/api/run/${id}`, { headers }))) events.push(event);
    assert.deepEqual(events.map(({ event }) => event), ["start", "artifact", "complete"]);
    const { url } = events[1]?.data as unknown as Artifact;
    assert.equal(await (await fetch(url ?? "")).text(), "x");
  });

  test("whose signature is another's is none", async () => {
    const { artifacts } = await run("open('a', 'w'); open('b', 'w')", ["*"]);
    const [a, b] = (artifacts ?? []).map(({ url }) => new URL(url ?? ""));
    a?.searchParams.set("sig", b?.searchParams.get("sig") ?? "");
    assert.equal((await fetch(a ?? "")).status, 404);
  });

  test("gives nothing that is a document of the service", async () => {
    const { artifacts } = await run("open('a.html', 'w').write('<script>1</script>'); open('b.svg', 'w').write('<svg/>')", ["*"]);
    for (const { url } of artifacts ?? []) {
      const { headers } = await fetch(url ?? "");
      assert.match(headers.get("content-disposition") ?? "", /^attachment;/);
      assert.equal(headers.get("content-security-policy"), "sandbox; default-src 'none'");
      assert.equal(headers.get("x-content-type-options"), "nosniff");
    }
  });
});

describe("a missing package", () => {
  const hinted = (lang: string, code: string, more: object = {}) => docle.run({ lang, code, policy, ...more });

  test("of Python came without a hint at packages", async () => {
    const { hint, stderr } = await hinted("python", "import cv2.dnn");
    assert.match(hint ?? "", /"packages": \["opencv-python"\]/);
    assert.ok(stderr.endsWith("ModuleNotFoundError: No module named 'cv2'\n"), stderr);
  });

  test("of Node came without a hint at packages", async () => {
    assert.match((await hinted("node", "require('lodash/fp')")).hint ?? "", /"packages": \["lodash"\]/);
    const module = await hinted("node", "import x from '@scope/pkg/deep'", { entrypoint: "main.mjs" });
    assert.match(module.hint ?? "", /"packages": \["@scope\/pkg"\]/, module.stderr);
  });

  test("that the program deals with is its own affair", async () => {
    assert.equal((await hinted("python", "try:\n  import numpy\nexcept ImportError as e: print(e)")).hint, undefined);
    assert.equal((await hinted("python", "import sys; print(\"ModuleNotFoundError: No module named 'x'\", file=sys.stderr)")).hint, undefined);
    assert.equal((await hinted("node", "require('./nothing')")).hint, undefined);
  });
});
