//! `docle` for Python, from its wheel, against the real service.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { uv } from "../../scripts/setup/paths.mjs";
import { Docle } from "../../tests/harness/docle.ts";
import { GitServer } from "../../tests/harness/git-server.ts";
import { Isolates } from "../../tests/harness/isolates.ts";

const packages = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(packages, "python");
const folder = mkdtempSync(join(tmpdir(), "docle-python-"));
const git = await GitServer.start();
git.repository("owner/name").commit({ "src/main.py": "import words\nprint(words.greeting)", "src/words.py": "greeting = 'from git'" });
process.env.DOCLE_REPOSITORY_HOSTS = git.host;
const isolates = await Isolates.start();
const service = await Docle.start(isolates.vars);
after(async () => {
  await service.stop();
  await isolates.stop();
  await git.stop();
  rmSync(folder, { recursive: true, force: true });
});
/** Where pyenv keeps interpreters, on machines that have it. */
const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
const more = existsSync(pyenv) ? readdirSync(pyenv).map((version) => join(pyenv, version, "bin")) : [];
const env = { ...process.env, PATH: [process.env.PATH, ...more].join(delimiter), DOCLE_API_KEY: service.worker.key, DOCLE_BASE_URL: service.worker.url, DOCLE_TEST_REPOSITORY: git.url("owner/name"), UV_PYTHON_DOWNLOADS: "never" };

/** Runs a program to its end; answers with what it wrote. */
async function run(program: string, args: string[], cwd = folder): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd, env, maxBuffer: 16 << 20 }).catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`${program} ${args.join(" ")}\n${error.stdout ?? ""}${error.stderr ?? ""}`, { cause: error });
  });
  return stdout;
}

/** The interpreters of this machine: the oldest that the package is for, those of Debian, and the newest. */
const pythons = ["3.9", "3.11", "3.13", "3.14"].flatMap((version) => {
  try {
    return [{ version, path: execFileSync(uv, ["python", "find", "--no-project", version], { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim() }];
  } catch {
    return [];
  }
});
const newest = pythons.at(-1) ?? assert.fail("there is no Python from 3.9 on");

/** An environment with the package in it, as people install it, and with what tests it. */
async function environment(python: string, ...more: string[]): Promise<{ python: string }> {
  const [wheel] = readdirSync(join(folder, "dist")).filter((file) => file.endsWith(".whl"));
  const home = mkdtempSync(join(folder, "venv-"));
  await run(uv, ["venv", "--quiet", "--clear", "--python", python, home]);
  const own = join(home, "bin", "python");
  await run(uv, ["pip", "install", "--quiet", "--python", own, join(folder, "dist", wheel ?? ""), ...more]);
  return { python: own };
}

await run(uv, ["build", "--quiet", "--no-sources", "--out-dir", join(folder, "dist"), source]);

test("what is made of the API's description, and of the client with await, is up to date", async () => {
  await run(process.execPath, [join(source, "models.mjs"), "--check"]);
  await run(newest.path, [join(source, "unasync.py"), "--check"]);
});

test("wheel and source distribution hold the package and nothing else", async () => {
  const files = readdirSync(join(folder, "dist"));
  const list = async (ending: string, args: string[]) => (await run("python3", ["-m", args[0] ?? "", "-l", join(folder, "dist", files.find((file) => file.endsWith(ending)) ?? "")])).split("\n");
  const wheel = await list(".whl", ["zipfile"]);
  assert.ok(wheel.some((line) => line.startsWith("docle/py.typed")), wheel.join("\n"));
  assert.deepEqual(wheel.filter((line) => /test|\.mjs|unasync/.test(line)), []);
  const sdist = await list(".tar.gz", ["tarfile"]);
  assert.deepEqual(sdist.filter((line) => /test|\.mjs|unasync/.test(line)), []);
});

for (const { version, path } of pythons) {
  test(`the package works with Python ${version}`, { timeout: 120_000 }, async () => {
    const { python } = await environment(path, "pytest==8.4.2", "pytest-asyncio==1.2.0");
    const said = await run(python, ["-m", "pytest", "--quiet", "--rootdir", source, "--config-file", join(source, "pyproject.toml"), "-p", "no:cacheprovider", join(source, "tests")]);
    assert.match(said, /\d+ passed/);
  });
}

test("its types are right, and those of its tests", { timeout: 240_000 }, async () => {
  const { python } = await environment(newest.path, "pytest==8.4.2", "mypy==2.4.1", "typing_extensions");
  for (const version of ["3.10", "3.11", "3.12", "3.13", "3.14"]) {
    await run(python, ["-m", "mypy", "--config-file", join(source, "pyproject.toml"), "--python-version", version, "--cache-dir", join(folder, "mypy")], source);
  }
});

const oldest = pythons[0]?.version === "3.9" ? pythons[0] : undefined;
test("its types are right for Python 3.9, with what that Python installs", { timeout: 120_000, skip: oldest === undefined && "there is no Python 3.9" }, async () => {
  // The last mypy that knows Python 3.9.
  const { python } = await environment(oldest?.path ?? assert.fail(), "mypy==1.19.1", "typing_extensions");
  await run(python, ["-m", "mypy", "--strict", "--python-version", "3.9", "--cache-dir", join(folder, "mypy-3.9"), "src"], source);
});

/** The programs of a page in Python. */
const examples = (page: string) => Array.from(readFileSync(page, "utf8").matchAll(/^```python\n([\s\S]*?)^```$/gm), ([, code = ""]) => code);

test("the examples of the README run", async () => {
  const { python } = await environment(newest.path);
  const said: string[] = [];
  for (const code of examples(join(source, "README.md"))) said.push(await run(python, ["-c", code]));
  assert.match(said[0] ?? "", /^Hello, Docle!\n\nTrue 0 /);
  assert.equal(said[2], "0\n1\n2\nsuccess\n");
  const [sandbox, , cells] = said.slice(6);
  assert.equal(sandbox, "42\n\n/tmp\nblue\n\n1\n2\n3\n0\n");
  assert.equal(cells, "on\n['text', 'json']\n[6, 7]\n");
});

test("the examples in Python of the pages about sandboxes run", async () => {
  const { python } = await environment(newest.path);
  const docs = join(dirname(packages), "docs");
  const pages = readdirSync(docs).filter((page) => page.endsWith(".md"));
  const all = pages.flatMap((page) => examples(join(docs, page)).filter((code) => code.includes("docle.sandboxes")));
  assert.ok(all.length >= 5);
  for (const code of all) assert.notEqual(await run(python, ["-c", code]), "");
});
