//! The languages on a runner of an ordinary user, whose jails are made in user namespaces.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";
import { LANGUAGES, whyNoLanguages } from "../harness/languages.ts";
import { post, run, type Job } from "../harness/jobs.ts";
import { Runner } from "../harness/runner.ts";
import { interpreterFlags } from "../../scripts/setup/interpreters.mjs";
import { asOrdinaryUser, whyNoOrdinaryUser } from "../hostile/tiers.ts";
import { programs } from "./programs.ts";

assert.equal(whyNoLanguages(), undefined);

const entrypoints: Record<string, string> = { bash: "main.sh", perl: "main.pl", lua: "main.lua", php: "main.php", ruby: "main.rb", c: "main.c", cpp: "main.cpp", go: "main.go", java: "Main.java", rust: "main.rs" };

/** A job in one of the languages. */
function job(language: string, content: string, rest: Partial<Job> = {}): Job {
  const path = entrypoints[language] ?? assert.fail(language);
  const isCompiled = ["c", "cpp", "go", "java", "rust"].includes(language);
  return {
    ...{ id: randomUUID(), language: language as Job["language"], files: [{ path, content }], entrypoint: path, stdin: "", args: [], env: {}, packages: [] },
    ...(isCompiled ? { compile: { options: [], timeoutMs: 60_000, memoryMB: 768 } } : {}),
    ...{ limits: { timeoutMs: 20_000, memoryMB: 512, maxOutputBytes: 65_536 }, network: { mode: "none" } },
    ...rest,
  };
}

describe("as an ordinary user", { skip: whyNoOrdinaryUser() }, async () => {
  const stage = await asOrdinaryUser();
  after(() => stage.stop());

  test("the tier is that of user namespaces", async () => assert.equal((await stage.runner.health()).tier, "user-namespace"));

  for (const lang of LANGUAGES) {
    test(`${lang} greets`, async () => {
      const report = await run(stage.runner, job(lang, programs[lang]?.hello ?? assert.fail(lang), { stdin: "Ada\n" }));
      assert.partialDeepStrictEqual(report, { status: "success", exitCode: 0, stdout: "Hello, Ada!\n", stderr: "" });
    });
  }

  test("a program writes to nothing but its own places", async () => {
    const code = 'for d in / /usr/bin /usr/lib /etc /opt /dev /build/; do touch $d/evil 2>/dev/null && echo "wrote $d"; done\nls /.tree /.layers /.proc 2>&1 | grep -c cannot\n';
    assert.equal((await run(stage.runner, job("bash", code))).stdout, "3\n");
  });
});

test("a runner without the tree refuses its languages and keeps its own", async () => {
  const runner = await Runner.start({ flags: interpreterFlags() });
  after(() => runner.stop());
  assert.deepEqual(Object.keys((await runner.health()).languages), ["node", "python"]);
  const response = await post(runner, JSON.stringify(job("ruby", "puts 1")));
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { code: "no_language", message: "Ruby is not installed here" });
});
