//! Files of a run: bytes in, and packages that files list.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const file = (path: string, content: string) => ({ path, content });
const base64 = (path: string, content: string) => ({ path, content, encoding: "base64" });
const policy = { timeoutMs: 30_000 };

describe("bytes", () => {
  for (const [lang, main, code] of [
    ["python", "main.py", "print(open('in.bin', 'rb').read().hex())"],
    ["node", "main.js", "console.log(require('fs').readFileSync('in.bin').toString('hex'))"],
  ] as const) {
    test(`0 to 255 arrive in ${lang} as they were sent`, async () => {
      const files = [file(main, code), base64("in.bin", ALL_BYTES.toString("base64"))];
      assert.equal((await docle.run({ lang, files, policy })).stdout, `${ALL_BYTES.toString("hex")}\n`);
    });
  }

  test("a program in base64 is a program", async () => {
    const latin = Buffer.from("# coding: latin-1\nprint('\u00e9' == '\\xe9')\n", "latin1").toString("base64");
    for (const content of [Buffer.from("print(True)\n").toString("base64"), latin]) {
      const result = await docle.run({ lang: "python", files: [base64("main.py", content)], policy });
      assert.equal(result.stdout, "True\n", result.stderr);
    }
  });

  test("what a run was sent is read again as bytes", async () => {
    const content = ALL_BYTES.toString("base64");
    const { id } = await docle.run({ lang: "python", files: [file("main.py", ""), base64("in.bin", content)], policy });
    const stored = await docle.fetch(`/api/run/${id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } });
    const { input } = (await stored.json()) as { input: { files: unknown[] } };
    assert.deepEqual(input.files, [file("main.py", ""), base64("in.bin", content)]);
  });

  test("the same key with other bytes is another body", async () => {
    const headers = { "idempotency-key": "files-bytes" };
    const body = (content: string) => ({ lang: "python", files: [file("main.py", "print(1)"), base64("in.bin", content)], policy });
    assert.equal((await docle.run(body("/w=="), { headers })).stdout, "1\n");
    await docle.refused(422, body("/g=="), { headers });
  });

  test("two megabytes count as two megabytes", async () => {
    const files = [file("main.py", "import os; print(os.path.getsize('in.bin'))"), base64("in.bin", Buffer.alloc(2 << 20, 0xff).toString("base64"))];
    assert.equal((await docle.run({ lang: "python", files, policy: { ...policy, memoryMB: 32 } })).stdout, `${2 << 20}\n`);
  });
});

describe("packages that a file lists", () => {
  test("of requirements.txt and of the request", async () => {
    const code = "import idna, six; print(idna.__version__, six.__version__)";
    const files = [file("main.py", code), file("requirements.txt", "# names\nidna==3.6\n")];
    const result = await docle.run({ lang: "python", files, packages: ["six==1.16.0"], policy });
    assert.equal(result.stdout, "3.6 1.16.0\n", result.stderr);
  });

  test("of pyproject.toml", async () => {
    const files = [file("main.py", "import idna; print(idna.__version__)"), file("pyproject.toml", '[project]\nname = "x"\ndependencies = ["idna==3.6"]\n')];
    assert.equal((await docle.run({ lang: "python", files, policy })).stdout, "3.6\n");
  });

  test("of package.json", async () => {
    const files = [file("main.js", "console.log(require('is-number')('5'))"), file("package.json", '{ "dependencies": { "is-number": "7.0.0" } }')];
    const result = await docle.run({ lang: "node", files, policy });
    assert.equal(result.stdout, "true\n", result.stderr);
    assert.equal((await docle.run({ lang: "node", files: [files[0]], packages: ["is-number@7.0.0"], policy })).usage.installMs, 0, "the same cache");
  });

  test("that cannot be had fails as packages do", async () => {
    const files = [file("main.py", ""), file("requirements.txt", "idna==0.0.0\n")];
    assert.equal((await docle.run({ lang: "python", files, policy })).status, "install_failed");
  });

  test("names file and line of what is refused", async () => {
    const files = [file("main.py", ""), file("requirements.txt", "idna\n--index-url https://evil.example/simple\n")];
    const { errors } = await docle.refused(400, { lang: "python", files });
    assert.equal(errors?.[0]?.field, "files[1].content");
    assert.match(errors?.[0]?.message ?? "", /^line 2 of requirements\.txt is an option/);
  });
});
