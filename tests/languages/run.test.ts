//! Every language of the tree: what its programs get, and what their results say.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle, type RunResult } from "../harness/docle.ts";
import { LANGUAGES, whyNoLanguages } from "../harness/languages.ts";
import { programs } from "./programs.ts";

const skip = whyNoLanguages();
assert.equal(skip, undefined);
const docle = await Docle.start();
after(() => docle.stop());

const words = ["pear", "apple", "fig", "apple", "pear", "apple"].map((word) => `${word}\n`).join("");
const policy = { timeoutMs: 20_000, memoryMB: 512 };
const success = { ok: true, status: "success", exitCode: 0, signal: null, stderr: "" };

test("each language is listed with the version that is installed", async () => {
  const { languages } = (await (await docle.fetch("/languages")).json()) as { languages: { id: string; tier: string; versions: Record<string, string> }[] };
  const health = await docle.runner.health();
  for (const id of LANGUAGES) {
    const found = languages.find((language) => language.id === id && language.tier === "run");
    assert.match(Object.values(found?.versions ?? {}).join(), /^\d+\.\d+/, id);
    assert.deepEqual(Object.values(found?.versions ?? {}), [health.languages[id]]);
  }
});

for (const lang of LANGUAGES) {
  const { hello, count, args, fails, loops, grows } = programs[lang] ?? assert.fail(lang);
  const run = (code: string, rest: object = {}) => docle.run({ lang, code, policy, ...rest });

  describe(lang, () => {
    test("greets whom standard input names", async () => {
      assert.partialDeepStrictEqual(await run(hello, { stdin: "Ada\n" }), { ...success, stdout: "Hello, Ada!\n" });
    });

    test("counts words and primes", async () => {
      assert.partialDeepStrictEqual(await run(count, { stdin: words }), { ...success, stdout: "apple 3\npear 2\nfig 1\n1229 primes\n" });
    });

    test("gets its arguments and its environment", async () => {
      const asked = { args: ["a b", "-x", "é"], env: { GREETING: "hé" } };
      assert.partialDeepStrictEqual(await run(args, asked), { ...success, stdout: "a b\n-x\né\nhé\n" });
    });

    test("ends with its own exit code", async () => {
      const expected = { ok: false, status: "error", exitCode: 7, signal: null, stdout: "", stderr: "bad\n" };
      assert.partialDeepStrictEqual(await run(fails), expected);
    });

    test("is ended at its time limit", async () => {
      const result = await run(loops, { policy: { ...policy, timeoutMs: 1_000 } });
      assert.partialDeepStrictEqual(result, { ok: false, status: "timeout", exitCode: 124, limit: "timeoutMs" });
    });

    test("is ended for its memory, or says itself that there is no more", async () => {
      const result = await run(grows, { policy: { ...policy, memoryMB: 128 } });
      assert.equal(result.ok, false);
      const own = /OutOfMemoryError|not enough memory/.test(result.stderr);
      assert.ok(own || result.status === "memory", JSON.stringify(result));
    });
  });
}

describe("several files", () => {
  /** @param files path → content */
  const several = (lang: string, files: Record<string, string>, rest: object = {}) =>
    docle.run({ lang, policy, files: Object.entries(files).map(([path, content]) => ({ path, content })), ...rest });
  const cases: [lang: string, files: Record<string, string>, rest?: object][] = [
    ["bash", { "main.sh": "source lib/greet.sh\ngreet Ada\n", "lib/greet.sh": 'greet() { echo "Hello, $1!"; }\n' }],
    ["perl", { "main.pl": 'use lib "lib";\nuse Greet;\nprint Greet::greet("Ada");\n', "lib/Greet.pm": 'package Greet;\nsub greet { "Hello, $_[0]!\\n" }\n1;\n' }],
    ["lua", { "main.lua": 'print(require("lib.greet")("Ada"))\n', "lib/greet.lua": 'return function(name) return "Hello, " .. name .. "!" end\n' }],
    ["php", { "main.php": '<?php\nrequire "lib/greet.php";\necho greet("Ada"), "\\n";\n', "lib/greet.php": '<?php\nfunction greet(string $name): string { return "Hello, $name!"; }\n' }],
    ["ruby", { "main.rb": 'require_relative "lib/greet"\nputs greet("Ada")\n', "lib/greet.rb": 'def greet(name) = "Hello, #{name}!"\n' }],
    ["c", { "main.c": '#include <stdio.h>\n#include "lib/greet.h"\nint main(void) { greet("Ada"); }\n', "lib/greet.h": "void greet(const char *);\n", "lib/greet.c": '#include <stdio.h>\n#include "greet.h"\nvoid greet(const char *name) { printf("Hello, %s!\\n", name); }\n' }],
    ["cpp", { "main.cpp": '#include "greet.hpp"\nint main() { greet("Ada"); }\n', "greet.hpp": "#pragma once\n#include <string>\nvoid greet(const std::string &);\n", "greet.cpp": '#include "greet.hpp"\n#include <iostream>\nvoid greet(const std::string &name) { std::cout << "Hello, " << name << "!\\n"; }\n' }],
    ["go", { "main.go": 'package main\n\nfunc main() {\n\tgreet("Ada")\n}\n', "greet.go": 'package main\n\nimport "fmt"\n\nfunc greet(name string) {\n\tfmt.Printf("Hello, %s!\\n", name)\n}\n' }],
    ["java", { "org/example/Main.java": 'package org.example;\n\npublic class Main {\n    public static void main(String[] args) {\n        System.out.println(Greeter.greet("Ada"));\n    }\n}\n', "org/example/Greeter.java": 'package org.example;\n\nclass Greeter {\n    static String greet(String name) {\n        return "Hello, " + name + "!";\n    }\n}\n' }, { entrypoint: "org/example/Main.java" }],
    ["rust", { "main.rs": 'mod greet;\n\nfn main() {\n    greet::greet("Ada");\n}\n', "greet.rs": 'pub fn greet(name: &str) {\n    println!("Hello, {name}!");\n}\n' }],
  ];
  for (const [lang, files, rest] of cases) {
    test(`are one program in ${lang}`, async () => {
      assert.partialDeepStrictEqual(await several(lang, files, rest), { ...success, stdout: "Hello, Ada!\n" });
    });
  }

  test("hold data that a compiled program reads when it runs", async () => {
    const files = { "main.go": 'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\ttext, _ := os.ReadFile("data/name.txt")\n\tfmt.Println(string(text))\n}\n', "data/name.txt": "Ada" };
    assert.partialDeepStrictEqual(await several("go", files), { ...success, stdout: "Ada\n" });
  });
});

describe("a language goes by the names that people use", () => {
  for (const [name, code] of [["sh", "echo 1"], ["C++", "int main() {}"], ["golang", "package main\nfunc main() {}"], ["rb", "1"], ["RS", "fn main() {}"]] as const) {
    test(name, async () => assert.equal((await docle.run({ lang: name, code, policy })).status, "success"));
  }
});

test("a stored run tells how it was compiled", async () => {
  const asked: RunResult = await docle.run({ lang: "c", code: "int main(void) {}", compile: { options: ["-O2"], timeoutMs: 5_000 }, policy });
  const headers = { authorization: `Bearer ${docle.worker.key}` };
  const stored = (await (await docle.fetch(`/api/run/${asked.id}`, { headers })).json()) as { input: { compile: unknown }; compile: { exitCode: number } };
  assert.deepEqual(stored.input.compile, { options: ["-O2"], timeoutMs: 5_000, memoryMB: 768 });
  assert.equal(stored.compile.exitCode, 0);
});
