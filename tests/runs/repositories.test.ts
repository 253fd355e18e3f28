//! Runs with the files of a git repository: what they get, how it is told, and what it takes to be allowed to.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { readEvents } from "../harness/events.ts";
import { GitServer } from "../harness/git-server.ts";
import { InteractiveClient } from "../harness/interactive-client.ts";
import { until } from "../harness/until.ts";

const server = await GitServer.start();
process.env.DOCLE_REPOSITORY_HOSTS = server.host;
const docle = await Docle.start();
after(() => Promise.all([docle.stop(), server.stop()]));

const tool = server.repository("tool");
const first = tool.commit({ "main.py": "print('first')" });
tool.git("tag", "-a", "v1", "-m", "one", first);
const second = tool.commit({
  "main.py": "import lib.words\nprint(lib.words.greeting, open('data.txt').read())",
  "lib/words.py": "greeting = 'hello'",
  "data.txt": "from the repository",
  "run.sh": { script: "#!/bin/sh\necho executed" },
  "examples/main.py": "print(open('note').read())",
  "examples/note": "an example",
  "examples/inner/link": { link: "../note" },
  "examples/out": { link: "../data.txt" },
  "examples/passwd": { link: "/etc/passwd" },
});
tool.git("branch", "feature/x", first);

const repo = (rest: object = {}) => ({ url: server.url("tool"), ...rest });
const run = (body: object) => docle.run({ lang: "python", policy: { timeoutMs: 20_000 }, ...body });

test("a program runs out of the default branch of a repository, with its files and without its history", async () => {
  const result = await run({ repo: repo() });
  assert.equal(result.stdout, "hello from the repository\n", result.stderr);
  assert.deepEqual(result.repo, { url: server.url("tool"), commit: second });
  assert.ok(result.usage.installMs > 0);
  const code = "import os, subprocess\nprint(sorted(os.listdir('.')), subprocess.check_output('./run.sh', text=True), os.access('data.txt', os.W_OK))";
  const looks = await run({ repo: repo(), code, entrypoint: "look.py" });
  assert.equal(looks.stdout, "['data.txt', 'examples', 'lib', 'look.py', 'main.py', 'run.sh'] executed\n True\n", looks.stderr);
});

describe("a ref is a branch, a tag or a whole commit id", () => {
  for (const [ref, commit, expected] of [
    ["main", second, "hello from the repository\n"],
    ["feature/x", first, "first\n"],
    ["refs/heads/feature/x", first, "first\n"],
    ["v1", first, "first\n"],
    [first, first, "first\n"],
  ] as const) {
    test(ref, async () => {
      const result = await run({ repo: repo({ ref }) });
      assert.equal(result.stdout, expected, result.stderr);
      assert.deepEqual(result.repo, { url: server.url("tool"), ref, commit });
    });
  }
});

test("a directory becomes the workspace, and links that leave it are dropped", async () => {
  const code = "import os\nprint(sorted(os.listdir('.')), os.listdir('inner'), open('inner/link').read())";
  const result = await run({ repo: repo({ subdir: "examples/" }), files: [{ path: "look.py", content: code }], entrypoint: "look.py" });
  assert.equal(result.stdout, "['inner', 'look.py', 'main.py', 'note'] ['link'] an example\n", result.stderr);
  assert.deepEqual(result.repo, { url: server.url("tool"), subdir: "examples", commit: second });
  assert.equal((await run({ repo: repo({ subdir: "examples" }) })).stdout, "an example\n");
});

test("files of the request take the place of files with the same path, also of directories and links", async () => {
  const files = [
    { path: "data.txt", content: "from the request" },
    { path: "examples", content: "now a file" },
    { path: "lib/more.py", content: "x = 1" },
    { path: "run.sh/inner", content: "now a directory" },
  ];
  const code = "import lib.words, lib.more\nprint(lib.words.greeting, open('data.txt').read(), open('examples').read(), open('run.sh/inner').read())";
  const result = await run({ repo: repo(), files: [...files, { path: "main.py", content: code }] });
  assert.equal(result.stdout, "hello from the request now a file now a directory\n", result.stderr);
});

test("packages that files of a repository list are installed as those of files of the request are", async () => {
  server.repository("packages").commit({ "main.py": "import idna; print(idna.__version__)", "requirements.txt": "idna==3.6\n" });
  server.repository("wrong").commit({ "main.py": "", "requirements.txt": "idna\n-r more.txt\n" });
  server.repository("node").commit({ "main.js": "console.log(require('is-number')('5'))", "package.json": '{ "dependencies": { "is-number": "7.0.0" } }' });
  assert.equal((await run({ repo: { url: server.url("packages") } })).stdout, "3.6\n");
  const own = await run({ repo: { url: server.url("packages") }, files: [{ path: "requirements.txt", content: "idna==3.5" }] });
  assert.equal(own.stdout, "3.5\n", own.stderr);
  assert.equal((await run({ lang: "node", repo: { url: server.url("node") } })).stdout, "true\n");
  const wrong = await run({ repo: { url: server.url("wrong") } });
  assert.equal(wrong.status, "install_failed");
  assert.match(wrong.stderr, /requirements\.txt of the repository: line 2 of requirements\.txt is an option/);
});

test("a fetch gives the program no network, and a policy gives the fetch none", async () => {
  const code = `import socket\ntry: socket.create_connection(('127.0.0.1', ${server.host.split(":")[1]}), 3); print('connected')\nexcept OSError: print('refused')`;
  const result = await run({ repo: repo(), code, entrypoint: "look.py", policy: { allowNetwork: true, allowedHosts: ["example.com"] } });
  assert.equal(result.stdout, "refused\n", result.stderr);
});

describe("what cannot be fetched", () => {
  server.repository("empty");
  const cases: [name: string, body: object, error: string, said: RegExp][] = [
    ["a repository that is not there", { repo: { url: server.url("absent") } }, "not_found", /no such repository, or it is private/],
    ["a branch that is not there", { repo: repo({ ref: "absent" }) }, "ref_not_found", /no branch, tag or commit "absent": check repo\.ref/],
    ["a commit that is not there", { repo: repo({ ref: "0".repeat(39) + "1" }) }, "ref_not_found", /whole id/],
    ["a branch called like an option of fetch", { repo: repo({ ref: "tag" }) }, "ref_not_found", /"tag"/],
    ["a repository without commits", { repo: { url: server.url("empty") } }, "ref_not_found", /"HEAD"/],
    ["a directory that is not there", { repo: repo({ subdir: "absent" }) }, "subdir_not_found", /no directory "absent": check repo\.subdir/],
    ["a directory that is a file", { repo: repo({ subdir: "main.py" }) }, "subdir_not_found", /no directory "main\.py"/],
    ["an entry point that is not there", { repo: repo(), entrypoint: "absent.py" }, "entrypoint_not_found", /name it in entrypoint.*"absent\.py"/],
    ["an entry point that is a directory", { repo: repo(), entrypoint: "lib" }, "entrypoint_not_found", /"lib"/],
  ];
  for (const [name, body, error, said] of cases) {
    test(`${name} keeps the program from starting`, async () => {
      const result = await run(body);
      assert.partialDeepStrictEqual(result, { ok: false, status: "install_failed", exitCode: 1, stdout: "" });
      assert.equal(result.repo?.error, error, result.stderr);
      assert.match(result.stderr, said);
    });
  }

  test("of a host that nobody has a name for", async () => {
    const url = "https://docle-there-is-no-such-host-c0ffee.com/a/b";
    const result = await run({ repo: { url } });
    assert.deepEqual([result.status, result.repo?.error], ["install_failed", "unreachable"], result.stderr);
    assert.match(result.stderr, /could not be reached: check the host of repo\.url/);
  });
});

test("a port of this machine that the runner does not trust is not fetched from", async () => {
  const other = await GitServer.start();
  other.repository("tool").commit({ "main.py": "" });
  const result = await run({ repo: { url: other.url("tool") } });
  assert.deepEqual([result.status, result.repo?.error, other.requests], ["install_failed", "unreachable", []]);
  await other.stop();
});

test("the events and the state of a run say that its repository is being fetched", async () => {
  const names: string[] = [];
  const response = await docle.post({ lang: "python", repo: repo() }, { headers: { accept: "text/event-stream" } });
  for await (const { event } of readEvents(response)) names.push(event);
  assert.deepEqual([...new Set(names)], ["start", "fetch", "stdout", "complete"]);

  let answered = () => {};
  const asked = new Promise<void>((resolve) => {
    server.answer("slow", (_, slow) => {
      answered = () => void slow.writeHead(404).end();
      resolve();
    });
  });
  const started = (await (await docle.post({ lang: "python", repo: { url: server.url("slow") }, detach: true })).json()) as { id: string };
  await asked;
  const state = async () => (await (await docle.fetch(`/api/run/${started.id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } })).json()) as { status: string };
  await until("the state", async () => (await state()).status === "fetching");
  answered();
  const { repo: fetched, status } = await docle.recorded(started.id);
  assert.deepEqual([status, fetched?.error], ["install_failed", "not_found"]);
});

test("an interactive run starts with the files of a repository, and so does one with a form and one with the same idempotency key", async () => {
  server.repository("echo").commit({ "main.py": "print('hello', input())" });
  const body = { lang: "python", repo: { url: server.url("echo") } };
  const client = new InteractiveClient(docle.worker.url, docle.worker.key);
  await client.say(body);
  await client.type("Ada\n");
  await client.hears("hello Ada");
  await until("the end", () => client.told.some(({ type }) => type === "complete"));
  assert.deepEqual([...new Set(client.told.map(({ type }) => type))], ["start", "fetch", "stdout", "complete"]);

  const form = new FormData();
  form.append("request", JSON.stringify({ ...body, stdin: "Bob" }));
  form.append("files", new Blob(["large".repeat(20_000)]), "large.txt");
  const answer = await docle.fetch("/api/run", { method: "POST", headers: { authorization: `Bearer ${docle.worker.key}` }, body: form });
  assert.partialDeepStrictEqual(await answer.json(), { ok: true, stdout: "hello Bob\n" });

  const init = { headers: { "idempotency-key": "repository" } };
  const [one, again] = [await docle.run({ ...body, stdin: "Eve" }, init), await docle.run({ ...body, stdin: "Eve" }, init)];
  assert.deepEqual([one.stdout, again.id, again.repo], ["hello Eve\n", one.id, one.repo]);
});

test("the repository is in the stored input", async () => {
  const { id } = await run({ repo: repo({ ref: "v1" }) });
  await docle.recorded(id);
  const answer = await docle.fetch(`/api/run/${id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } });
  const { input } = (await answer.json()) as { input: Record<string, unknown> };
  assert.deepEqual([input.repo, input.files, input.entrypoint], [repo({ ref: "v1" }), [], "main.py"]);
});

test("only keys that may install packages fetch, and only single runs", async () => {
  const mint = async (limits: object) => {
    const init = { method: "POST", headers: { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json" }, body: JSON.stringify({ limits }) };
    return ((await (await docle.fetch("/api/tokens", init)).json()) as { token: string }).token;
  };
  const as = async (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const body = { lang: "python", repo: repo() };
  const refused = await docle.refused(400, body, await as(await mint({})));
  assert.deepEqual(refused.errors?.map(({ field }) => field), ["repo"]);
  assert.match(refused.detail, /limits\.allowPackages/);
  assert.equal((await docle.run(body, await as(await mint({ allowPackages: true })))).ok, true);

  const several = async (path: string, body: object) => {
    const init = { method: "POST", headers: { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await docle.fetch(path, init);
    return [answer.status, ((await answer.json()) as { errors: { field: string }[] }).errors.map(({ field }) => field).filter((field) => field.endsWith("repo"))];
  };
  assert.deepEqual(await several("/api/run/batch", { runs: [{ ...body, code: "" }] }), [400, ["runs[0].repo"]]);
  assert.deepEqual(await several("/api/run/batch", { ...body, code: "", inputs: [{}] }), [400, ["repo"]]);
  assert.deepEqual(await several("/api/run/judge", { ...body, code: "", tests: [{}] }), [400, ["repo"]]);
});
