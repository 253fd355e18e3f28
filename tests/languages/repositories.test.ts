//! Programs of the tree of languages that come from a git repository: compiled ones, and others.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { GitServer } from "../harness/git-server.ts";
import { whyNoLanguages } from "../harness/languages.ts";

assert.equal(whyNoLanguages(), undefined);
const server = await GitServer.start();
process.env.DOCLE_REPOSITORY_HOSTS = server.host;
const docle = await Docle.start();
after(() => Promise.all([docle.stop(), server.stop()]));

server.repository("c").commit({
  "app/main.c": '#include <stdio.h>\n#include "lib/words.h"\nint main(void) { char line[64]; puts(greeting()); puts(fgets(line, sizeof line, fopen("data.txt", "r"))); }\n',
  "app/lib/words.c": '#include "words.h"\nconst char *greeting(void) { return "hello"; }\n',
  "app/lib/words.h": "const char *greeting(void);\n",
  "app/data.txt": "from the repository",
  "other/main.c": "int main(void) { return 1; }\n",
});
const run = (body: object) => docle.run({ policy: { timeoutMs: 20_000 }, ...body });

test("all sources below the directory are compiled together, and the program has the other files, too", async () => {
  const repo = { url: server.url("c"), subdir: "app" };
  const result = await run({ lang: "c", repo });
  assert.equal(result.stdout, "hello\nfrom the repository\n", result.stderr);
  const own = await run({ lang: "c", repo, files: [{ path: "lib/words.c", content: 'const char *greeting(void) { return "own"; }\n' }] });
  assert.equal(own.stdout, "own\nfrom the repository\n", own.stderr);
});

test("two programs of one repository are not one program", async () => {
  const result = await run({ lang: "c", repo: { url: server.url("c") }, entrypoint: "app/main.c" });
  assert.equal(result.status, "compile_error", result.stderr);
  assert.equal(typeof result.repo?.commit, "string");
});

test("a language that is not compiled starts its entry point", async () => {
  server.repository("perl").commit({ "main.pl": "use lib '.'; require './words.pl'; print greeting();", "words.pl": "sub greeting { 'hello' } 1;" });
  assert.equal((await run({ lang: "perl", repo: { url: server.url("perl") } })).stdout, "hello");
});
