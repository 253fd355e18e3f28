//! What a package is once it is published: its files, its types, and the examples of its README.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { Docle } from "../../tests/harness/docle.ts";
import { GitServer } from "../../tests/harness/git-server.ts";
import { install } from "./packed.ts";
import { RedisServer } from "./redis.ts";
import { startUpstash } from "./upstash.ts";

const packages = dirname(dirname(fileURLToPath(import.meta.url)));
const { workspaces } = JSON.parse(readFileSync(join(packages, "package.json"), "utf8")) as { workspaces: string[] };
const names = workspaces.filter((name) => !name.startsWith("tests/"));

// Stands in for github.com.
const git = await GitServer.start();
git.repository("owner/name").commit({ "main.py": "print('from git')" });
process.env.DOCLE_REPOSITORY_HOSTS = git.host;
const redis = await RedisServer.start();
const upstash = await startUpstash(redis.url);
const service = await Docle.start();
after(async () => {
  await service.stop();
  await git.stop();
  await upstash.stop();
  await redis.kill();
});
/** What the examples find in their environment. */
const env = { ...process.env, REDIS_URL: redis.url, UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token, DOCLE_API_KEY: service.worker.key, DOCLE_BASE_URL: service.worker.url };

/** Runs a program of a package that is a development dependency. */
const bin = (name: string, file: string, args: string[], cwd: string) =>
  execFileSync(process.execPath, [join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file), ...args], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** The examples of a README that are in TypeScript, components in JSX included. */
const examples = (name: string) =>
  Array.from(readFileSync(join(packages, name, "README.md"), "utf8").matchAll(/^```(ts|typescript|tsx)\n([\s\S]*?)^```$/gm), ([, language, code = ""]) => ({ isComponent: language === "tsx", code: code.replaceAll("https://github.com/owner/", git.url("owner/")) }));

for (const name of names) {
  test(`@doclehq/${name} is as packages should be`, async (context) => {
    const installed = install(name);
    context.after(() => installed.remove());
    const pkg = JSON.parse(readFileSync(join(installed.package, "package.json"), "utf8")) as Record<string, unknown>;
    const { messages } = await publint({ pkgDir: installed.package, strict: true });
    assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
    assert.deepEqual(readdirSync(installed.package).toSorted(), ["README.md", "dist", "package.json"]);
    // A command has no types.
    if (name === "cli") return;
    const tarball = readdirSync(installed.folder).find((file) => file.endsWith(".tgz")) ?? assert.fail("no tarball");
    bin("@arethetypeswrong/cli", "dist/index.js", [join(installed.folder, tarball), "--profile", "esm-only"], installed.folder);
  });

  // Components of Vue are compiled and used in the test of components; the command has a test of its own.
  if (name === "vue" || name === "cli") continue;

  test(`the examples in the README of @doclehq/${name} are right and run`, async (context) => {
    const installed = install(name);
    context.after(() => installed.remove());
    const found = examples(name);
    assert.ok(found.length > 0);
    const files = found.map(({ code, isComponent }, number) => {
      const file = join(installed.folder, `example-${number}.${isComponent ? "tsx" : "mts"}`);
      writeFileSync(file, code);
      return file;
    });
    writeFileSync(join(installed.folder, "package.json"), '{"type":"module"}');
    const config = { compilerOptions: { strict: true, target: "es2023", module: "nodenext", jsx: "react-jsx", lib: ["es2023", "dom"], types: ["node"], noEmit: true, skipLibCheck: false }, files };
    writeFileSync(join(installed.folder, "tsconfig.json"), JSON.stringify(config));
    bin("typescript", "bin/tsc", ["-p", installed.folder], installed.folder);
    // Components are used in a browser by the test of components.
    for (const file of files.filter((file) => file.endsWith(".mts"))) {
      // An example that leaves a connection open is ended when it has printed what it prints.
      const run = `await import(${JSON.stringify(file)}); process.exit(0);`;
      await promisify(execFile)(process.execPath, ["--input-type=module", "-e", run], { cwd: installed.folder, env, timeout: 30_000 });
    }
  });
}
