//! Bad input: each is refused before anything runs, with a problem that names the field.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

const good = { lang: "python", code: "print(1)" };
const files = (...paths: unknown[]) => ({ lang: "python", files: paths.map((path) => ({ path, content: "" })) });
const policy = (name: string, value: unknown) => ({ ...good, policy: { [name]: value } });
const pip = (name: unknown) => ({ ...good, packages: { packages: [name] } });
const npm = (name: unknown) => ({ lang: "node", code: "", packages: { packages: [name] } });

const cases: [name: string, body: unknown, field: string][] = [
  ["neither code nor files", { lang: "python" }, "code"],
  ["both code and files", { ...files("main.py"), code: "1" }, "files"],
  ["an unknown field", { ...good, cod: "1" }, "cod"],
  ["an unknown field of the policy", policy("timeLimit", 1_000), "policy.timeLimit"],
  ["an unknown field of a file", { lang: "python", files: [{ path: "main.py", content: "", mode: 7 }] }, "files[0].mode"],
  ["an unknown field of packages", { ...good, packages: { pip: [] } }, "packages.pip"],
  ["no language", { code: "1" }, "lang"],
  ["a language that is not there", { ...good, lang: "cobol" }, "lang"],
  ["a language of the wrong type", { ...good, lang: 3 }, "lang"],
  ["code of the wrong type", { ...good, code: ["print(1)"] }, "code"],
  ["files of the wrong type", { lang: "python", files: "main.py" }, "files"],
  ["no files", { lang: "python", files: [] }, "files"],
  ["1,001 files", files(...Array.from({ length: 1_001 }, (_, i) => `f${i}.py`)), "files"],
  ["base64 that is none", { lang: "python", files: [{ path: "main.py", content: "?", encoding: "base64" }] }, "files[0].content"],
  ["an encoding that is not there", { lang: "python", files: [{ path: "main.py", content: "", encoding: "hex" }] }, "files[0].encoding"],
  ["a file without content", { lang: "python", files: [{ path: "main.py" }] }, "files[0].content"],
  ["a path that climbs", files("main.py", "../x.py"), "files[1].path"],
  ["a path that climbs from within", files("main.py", "a/../../x.py"), "files[1].path"],
  ["an absolute path", files("main.py", "/etc/passwd"), "files[1].path"],
  ["an empty path", files("main.py", ""), "files[1].path"],
  ["a path with NUL", files("main.py", "a\0b"), "files[1].path"],
  ["a path of the wrong type", files("main.py", 3), "files[1].path"],
  ["a path twice", files("main.py", "a.py", "a.py"), "files[2].path"],
  ["a path twice, spelled differently", files("main.py", "./main.py"), "files[1].path"],
  ["a file where a directory is", files("main.py", "a", "a/b.py"), "files[1].path"],
  ["a path that is too long", files("main.py", `${"a/".repeat(600)}b`), "files[1].path"],
  ["an empty entry point", { ...files("main.py"), entrypoint: "" }, "entrypoint"],
  ["an entry point that is not there", { ...files("main.py"), entrypoint: "app.py" }, "entrypoint"],
  ["an entry point that climbs", { ...good, entrypoint: "../main.py" }, "entrypoint"],
  ["no entry point where none is obvious", files("app.py"), "entrypoint"],
  ["a time limit of 99", policy("timeoutMs", 99), "policy.timeoutMs"],
  ["a time limit of 300001", policy("timeoutMs", 300_001), "policy.timeoutMs"],
  ["a time limit as text", policy("timeoutMs", "3000"), "policy.timeoutMs"],
  ["a time limit of 1e9", policy("timeoutMs", 1e9), "policy.timeoutMs"],
  ["a time limit with a fraction", policy("timeoutMs", 1_000.5), "policy.timeoutMs"],
  ["a negative time limit", policy("timeoutMs", -1), "policy.timeoutMs"],
  ["too little memory", policy("memoryMB", 15), "policy.memoryMB"],
  ["too much memory", policy("memoryMB", 2_049), "policy.memoryMB"],
  ["too much output", policy("maxOutputBytes", 10_485_761), "policy.maxOutputBytes"],
  ["a policy that is a list", { ...good, policy: [] }, "policy"],
  ["network as text", policy("allowNetwork", "true"), "policy.allowNetwork"],
  ["hosts without network", policy("allowedHosts", ["example.com"]), "policy.allowedHosts"],
  ["a private address as a host", { ...good, policy: { allowNetwork: true, allowedHosts: ["10.0.0.1"] } }, "policy.allowedHosts[0]"],
  ["a package that is an option", pip("--index-url=https://evil.example"), "packages.packages[0]"],
  ["a package that is a repository", pip("git+https://evil.example/x"), "packages.packages[0]"],
  ["a package that is a path", pip("../x"), "packages.packages[0]"],
  ["a package that is an address", pip("x @ https://evil.example/x.whl"), "packages.packages[0]"],
  ["a package with a command", pip("x; rm -rf /"), "packages.packages[0]"],
  ["a Node package that is an option", npm("--registry=https://evil.example"), "packages.packages[0]"],
  ["a Node package that is a repository", npm("github:a/b"), "packages.packages[0]"],
  ["a Node package that is an alias", npm("a@npm:b"), "packages.packages[0]"],
  ["a package of the wrong type", pip({ name: "x" }), "packages.packages[0]"],
  ["an argument with NUL", { ...good, args: ["a\0"] }, "args[0]"],
  ["arguments of the wrong type", { ...good, args: "a" }, "args"],
  ["a variable of the wrong type", { ...good, env: { A: 1 } }, "env.A"],
  ["input of the wrong type", { ...good, stdin: 1 }, "stdin"],
  ["a user without an id", { ...good, userContext: {} }, "userContext.id"],
];

describe("a field that is wrong is named", () => {
  for (const [name, body, field] of cases) {
    test(name, async () => {
      const refusal = await docle.refused(400, body);
      assert.equal(refusal.code, "invalid_request");
      assert.ok(refusal.errors?.some((error) => error.field === field && error.message), JSON.stringify(refusal.errors));
    });
  }
});

test("everything wrong is said at once", async () => {
  const { errors } = await docle.refused(400, { lang: "cobol-85", policy: { timeoutMs: 1 }, extra: true });
  assert.deepEqual(errors?.map(({ field }) => field).sort(), ["code", "extra", "lang", "policy.timeoutMs"]);
});

test("what serialisers and other services write was refused", async () => {
  const optional = { entrypoint: null, packages: null, stdin: null, args: null, env: null, policy: null, userContext: null, files: [] };
  assert.equal((await docle.run({ ...good, ...optional })).stdout, "1\n");
  const spelled = { language: "Python3", code: "print(1)", policy: { timeout_ms: 5_000, memory_mb: 128, allowed_hosts: null } };
  assert.equal((await docle.run(spelled)).stdout, "1\n");
  assert.equal((await docle.run('{"lang": "javascript", "code": "console.log(1)", "policy": {"timeoutMs": 5000.0}}')).stdout, "1\n");
});

describe("what is not JSON", () => {
  const bodies = [
    ["", "nothing"],
    ["{", "an unfinished object"],
    ['{"lang": "python", "code": "1", "policy": {"timeoutMs": NaN}}', "NaN"],
    ['{"lang": "python" "code": "1"}', "a missing comma"],
    ['{"lang": "python", "code": "\ud800"}'.replace("\ud800", "\\ud800"), "half a surrogate pair"],
  ];
  for (const [body, name] of bodies) {
    test(`${name} is refused`, async () => {
      const refusal = await docle.refused(400, body);
      assert.equal(refusal.code, "invalid_json");
    });
  }
  test("a list is not a request", async () => {
    assert.equal((await docle.refused(400, [])).code, "invalid_request");
  });
  test("bytes that are not UTF-8 are refused", async () => {
    const body = Buffer.concat([Buffer.from('{"lang": "python", "code": "'), Buffer.from([0xff]), Buffer.from('"}')]);
    const headers = { authorization: `Bearer ${docle.worker.key}` };
    await problem(400, await docle.fetch("/api/run", { method: "POST", headers, body }));
  });
});

describe("a body that is too large is refused", () => {
  const thirtyMegabytes = 30 * 1_024 * 1_024;

  test("by its length", async () => {
    const refusal = await docle.refused(413, JSON.stringify({ ...good, stdin: "x".repeat(thirtyMegabytes) }));
    assert.equal(refusal.code, "body_too_large");
  });

  test("while it arrives in chunks", async () => {
    const chunk = new Uint8Array(64 * 1_024).fill(0x20);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => (sent >= thirtyMegabytes ? controller.close() : (controller.enqueue(chunk), void (sent += chunk.length))),
    });
    const headers = { authorization: `Bearer ${docle.worker.key}` };
    const response = await docle.fetch("/api/run", { method: "POST", headers, body, duplex: "half" } as RequestInit);
    assert.equal((await problem(413, response)).code, "body_too_large");
  });

  test("and one just below the limit runs", async () => {
    const stdin = "x".repeat(9 * 1_024 * 1_024);
    const result = await docle.run({ lang: "python", code: "import sys; print(len(sys.stdin.read()))", stdin });
    assert.equal(result.stdout, `${stdin.length}\n`);
  });
});

test("nothing ran and nothing is left", async () => {
  assert.ok(await docle.idle());
});
