//! Repositories checked out into sandboxes, from a real git server, by the real runner behind the real Worker.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { GitServer } from "../harness/git-server.ts";
import { json, type Json, sandboxApi } from "../harness/sandbox-api.ts";

const server = await GitServer.start();
process.env.DOCLE_REPOSITORY_HOSTS = server.host;
const docle = await Docle.start();
after(() => Promise.all([docle.stop(), server.stop()]));

const { call, create } = sandboxApi(docle);

const sh = async (sandbox: string, command: string) => {
  const result = await json(200, await call("POST", `${sandbox}/exec`, { command }));
  assert.equal(result.exitCode, 0, result.stderr);
  return result.stdout as string;
};
const checkout = (sandbox: string, body: Json) => call("POST", `${sandbox}/git/checkout`, body);

const token = `ghp_${"Ab1-".repeat(9)}`;

test("a branch with its history is checked out as git would have cloned it", async () => {
  const repository = server.repository("project");
  const first = repository.commit({ "main.py": "print('one')" });
  repository.commit({ "main.py": "print('two')", "run.sh": { script: "#!/bin/sh\necho ran\n" }, "link": { link: "main.py" }, ".github/x": "hidden" });
  const tree = repository.git("rev-parse", "main^{tree}");
  const second = repository.git("commit-tree", "-p", first, "-m", "second", tree);
  repository.git("update-ref", "refs/heads/main", second);
  repository.git("tag", "v1", first);
  const sandbox = await create();
  const result = await json(200, await checkout(sandbox, { url: server.url("project"), branch: "main", depth: 5 }));
  assert.deepEqual(result, { url: server.url("project"), dir: "/workspace/project", commit: second, branch: "main" });
  assert.equal(await sh(sandbox, "cd project; ./run.sh; cat link; git status --porcelain; git log --format=%s; git rev-parse --abbrev-ref HEAD @{upstream}; git remote get-url origin"),
    `ran\nprint('two')second\na commit\nmain\norigin/main\n${server.url("project")}\n`);
  assert.equal(await sh(sandbox, "cd project; git config user.email a@example.com; git config user.name A; echo more >> main.py; git commit -qam third; git fsck --no-progress; git log --format=%s -1; ls .git/hooks 2>/dev/null || true"), "third\n");

  const shallow = await json(200, await checkout(sandbox, { url: server.url("project"), ref: "v1", dir: "/app/at-tag" }));
  assert.deepEqual([shallow.commit, shallow.branch, shallow.dir], [first, null, "/app/at-tag"]);
  assert.equal(await sh(sandbox, "cd /app/at-tag; git log --format=%H; git status --porcelain; cat main.py"), `${first}\nprint('one')`);
  const head = await json(200, await checkout(sandbox, { url: server.url("project"), dir: "head" }));
  assert.equal(head.commit, second);
  await json(200, await call("POST", `${sandbox}/sleep`));
  assert.equal(await sh(sandbox, "cd project; git status --porcelain; git log --format=%s -1"), "third\n");
});

test("a directory that is not empty is refused before anything is fetched", async () => {
  server.repository("untouched").commit({ a: "a" });
  const sandbox = await create();
  await sh(sandbox, "mkdir full empty; echo kept > full/a; echo kept > file");
  const before = server.requests.length;
  assert.equal((await problem(409, await checkout(sandbox, { url: server.url("untouched"), dir: "full" }))).code, "directory_not_empty");
  assert.equal((await problem(409, await checkout(sandbox, { url: server.url("untouched"), dir: "file" }))).code, "not_a_directory");
  assert.equal(server.requests.length, before);
  await json(200, await checkout(sandbox, { url: server.url("untouched"), dir: "empty" }));
  assert.equal(await sh(sandbox, "cat full/a empty/a"), "kept\na");
});

test("what cannot be checked out has the reason and nothing is written", async () => {
  server.repository("small").commit({ a: "a" });
  const sandbox = await create({ runtime_config: { network: "none" } });
  const refused = async (body: Json) => (await problem(422, await checkout(sandbox, body))) as unknown as Json;
  const none = await refused({ url: server.url("none") });
  assert.deepEqual([none.code, none.repository_error], ["repository_refused", "not_found"]);
  assert.match(none.detail, /check url, and send a token that may read it in token/);
  assert.equal((await refused({ url: server.url("small"), ref: "none" })).repository_error, "ref_not_found");
  assert.equal((await refused({ url: "http://127.0.0.1:1/a/b" })).repository_error, "unreachable");
  for (const [body, field] of [[{ url: "file:///etc" }, "url"], [{ url: docle.worker.url + "/a/b", depth: 0 }, "depth"], [{}, "url"]] as [Json, string][]) {
    assert.equal((await problem(400, await checkout(sandbox, body))).errors?.[0]?.field, field);
  }
  assert.equal(await sh(sandbox, "ls -A"), "");
  // The sandbox itself has no network, and the fetch is none of its programs.
  await json(200, await checkout(sandbox, { url: server.url("small") }));
  assert.equal(await sh(sandbox, "cat small/a"), "a");
});

test("a token opens a private repository and is nowhere afterwards", async () => {
  server.repository("closed").commit({ "main.py": "print('opened')" });
  server.protect("closed", token);
  const sandbox = await create();
  const without = (await problem(422, await checkout(sandbox, { url: server.url("closed") }))) as unknown as Json;
  assert.equal(without.repository_error, "not_found");
  const text = await (await checkout(sandbox, { url: server.url("closed"), token })).text();
  assert.equal(JSON.parse(text).dir, "/workspace/closed", text);
  const header = Buffer.from(`x-access-token:${token}`).toString("base64");
  const found = await sh(sandbox, `grep -rlaE '${token}|${header}' /workspace /home/user /tmp /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -v "/proc/$$/" | grep -v self || true`);
  const others = found.split("\n").filter((path) => path !== "" && !path.endsWith("/cmdline"));
  assert.deepEqual(others, []);
  for (const log of [docle.runner.log, docle.worker.logs.join("\n"), text]) assert.ok(!log.includes(token) && !log.includes(header));
});
