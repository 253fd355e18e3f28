//! Repositories and servers that try to reach out of a fetch, to use it up, or to leave something behind.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { forOrdinaryUser } from "../hostile/tiers.ts";
import { GitServer } from "../harness/git-server.ts";
import { events, job, post, PROTOCOL, run } from "../harness/jobs.ts";
import { processesWith, Runner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const server = await GitServer.start();
process.env.DOCLE_REPOSITORY_HOSTS = server.host;
const runner = await Runner.start();
after(() => Promise.all([runner.stop(), server.stop()]));

/** Runs a program with the files of a repository. */
const fetched = (name: string, code: string, rest: object = {}, on: Runner = runner) => run(on, job("python", code, { repo: { url: server.url(name), ...rest } }));

/** What the runner keeps of runs. */
const kept = () => ["staging", "layers"].flatMap((name) => readdirSync(join(runner.state, name)));

describe("what a commit may contain", () => {
  test("a name with every byte that a name may have comes as it is", async () => {
    const repository = server.repository("bytes");
    const name = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1).filter((byte) => byte !== 0x2f));
    repository.commitTree(repository.tree([["100644", name, repository.blob("odd")]]));
    const code = "import os\n[name] = [name for name in os.listdir(b'.') if name != b'main.py']\nprint(name == bytes(b for b in range(1, 256) if b != 0x2f), open(name).read())";
    const report = await fetched("bytes", code);
    assert.equal(report.stdout, "True odd\n", report.stderr);
  });

  test("names that differ in case are two files", async () => {
    server.repository("case").commit({ README: "upper", readme: "lower", "Lib/a": "1", "lib/a": "2" });
    const code = "print(*(open(name).read() for name in ('README', 'readme', 'Lib/a', 'lib/a')))";
    assert.equal((await fetched("case", code)).stdout, "upper lower 1 2\n");
  });

  test("links that leave the workspace are dropped, and no file is written through one that stays", async () => {
    const repository = server.repository("links");
    const [blob, away, around] = [repository.blob("text"), repository.blob("/tmp"), repository.blob("inside/../../tmp")];
    const inside = repository.tree([["100644", "file", blob]]);
    const link = repository.blob("inside");
    repository.commitTree(repository.tree([["120000", "around", around], ["120000", "away", away], ["40000", "inside", inside], ["120000", "link", link]]));
    const code = "import os\nprint(sorted(os.listdir('.')), os.listdir('/tmp'), os.path.islink('link'), open('link/file').read())";
    const report = await fetched("links", code);
    assert.equal(report.stdout, "['inside', 'link', 'main.py'] [] True text\n", report.stderr);
    const own = job("python", "import os\nprint(os.path.islink('link'), os.listdir('inside'))", { repo: { url: server.url("links") }, files: [{ path: "link/own", content: "" }] });
    assert.equal((await run(runner, own)).stdout, "False ['file']\n");
  });

  test("a submodule is an empty directory, and nothing of it is fetched", async () => {
    const repository = server.repository("submodule");
    const modules = repository.blob(`[submodule "sub"]\n\tpath = sub\n\turl = ${server.url("never")}\n`);
    repository.commitTree(repository.tree([["100644", ".gitmodules", modules], ["160000", "sub", "1".repeat(40)]]));
    const report = await fetched("submodule", "import os\nprint(os.listdir('sub'))");
    assert.equal(report.stdout, "[]\n", report.stderr);
    assert.ok(!server.requests.some((request) => request.includes("/never")));
  });

  test("attributes and hooks run nothing, and a large file of LFS stays what it is in the repository", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    server.repository("attributes").commit({ ".gitattributes": "* filter=lfs ident\n*.x filter=evil\n", "large.bin": pointer, "a.x": "x", "hooks/post-checkout": { script: "#!/bin/sh\ntouch /packages/ran" } });
    const report = await fetched("attributes", "import os\nprint(open('large.bin').read(), os.path.exists('ran'), end='')");
    assert.equal(report.stdout, `${pointer} False`, report.stderr);
  });

  for (const name of [".git", ".GIT", ".Git", "git~1", ".g\u200cit", "..", "."]) {
    test(`a commit with the name ${JSON.stringify(name)} is refused`, async () => {
      const repository = server.repository(`name-${Buffer.from(name).toString("hex")}`);
      const config = repository.tree([["100644", "config", repository.blob("[core]\n\tfsmonitor = touch /tmp/ran\n")]]);
      repository.commitTree(repository.tree([["40000", name, config]]));
      const report = await fetched(`name-${Buffer.from(name).toString("hex")}`, "print('started')");
      assert.deepEqual([report.status, report.repo?.error, report.stdout], ["install_failed", "unusable", ""], report.stderr);
    });
  }

  test("modules with a URL that git would take for an option are refused", async () => {
    const repository = server.repository("modules");
    repository.commitTree(repository.tree([["100644", ".gitmodules", repository.blob('[submodule "x"]\n\tpath = x\n\turl = --upload-pack=id\n')]]));
    assert.equal((await fetched("modules", "print('started')")).repo?.error, "unusable");
  });
});

describe("what is too much", () => {
  test("a tree that contains itself a billion times over is counted and not written", async () => {
    const repository = server.repository("tree-bomb");
    let id = repository.tree([["100644", "f", repository.blob("")]]);
    for (let level = 0; level < 9; level++) id = repository.tree(Array.from("0123456789", (name) => ["40000", name, id]));
    repository.commitTree(id);
    const report = await fetched("tree-bomb", "print('started')");
    assert.deepEqual([report.status, report.repo?.error], ["install_failed", "too_many_files"]);
    assert.match(report.stderr, /more than 10000 files and directories/);
  });

  test("a small pack with large files is not unpacked", async () => {
    const repository = server.repository("zeros");
    repository.commit({ zeros: Buffer.alloc(70 << 20), small: "fits" });
    const report = await fetched("zeros", "print('started')");
    assert.deepEqual([report.status, report.repo?.error], ["install_failed", "too_large"]);
    assert.match(report.stderr, /its files 64 MiB/);
  });

  test("one file that is in a commit many times counts each time", async () => {
    const repository = server.repository("many");
    const blob = repository.blob(Buffer.alloc(1 << 20));
    repository.commitTree(repository.tree(Array.from({ length: 65 }, (_, index) => ["100644", String.fromCharCode(0x30 + index), blob])));
    assert.equal((await fetched("many", "print('started')")).repo?.error, "too_large");
  });

  test("directories are not nested deeper than a tree is copied", async () => {
    server.repository("deep").commit({ [`${"d/".repeat(80)}f`]: "" });
    assert.equal((await fetched("deep", "print('started')")).repo?.error, "too_many_files");
  });

  test("files that fit the fetch and not the memory of the run keep its program from starting", async () => {
    server.repository("memory").commit({ zeros: Buffer.alloc(30 << 20) });
    const report = await run(runner, job("python", "print('started')", { repo: { url: server.url("memory") }, limits: { memoryMB: 32 } }));
    assert.deepEqual([report.status, report.stdout, report.repo?.error], ["memory", "", undefined], report.stderr);
  });
});

describe("a server", () => {
  test("that sends the client elsewhere is not followed", async () => {
    for (const to of ["http://169.254.169.254/latest/info/refs", "http://127.0.0.1:1/x/info/refs", "https://github.com/a/b/info/refs", "file:///etc/passwd"]) {
      server.answer("elsewhere", (_, response) => void response.writeHead(302, { location: to }).end());
      const report = await fetched("elsewhere", "print('started')");
      assert.deepEqual([report.status, report.stdout], ["install_failed", ""], to);
      assert.ok(["unreachable", "unusable"].includes(report.repo?.error ?? ""), `${to}: ${report.stderr}`);
    }
    server.answer("elsewhere", (_, response) => void response.writeHead(302, { location: "http://169.254.169.254/latest/info/refs" }).end());
    assert.match((await fetched("elsewhere", "")).stderr, /its server sent the client to 169\.254\.169\.254:80/);
  });

  test("that asks for a password gets none, and nobody is asked for one", async () => {
    server.answer("private", (_, response) => void response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end());
    assert.equal((await fetched("private", "")).repo?.error, "not_found");
  });

  test("that sends something else is not believed, and what it says commands no terminal", async () => {
    const advertised = { "content-type": "application/x-git-upload-pack-advertisement" };
    for (const [type, body] of [[{ "content-type": "text/html" }, "<!doctype html>"], [advertised, "garbage"], [advertised, "ffff"], [advertised, "001e# service=git-upload-pack\n0000\u001b[2J\u0007"], [advertised, ""]] as const) {
      server.answer("garbage", (_, response) => void response.writeHead(200, type).end(body));
      const report = await fetched("garbage", "print('started')");
      assert.deepEqual([report.status, report.stdout], ["install_failed", ""], body);
      assert.ok(["unusable", "ref_not_found"].includes(report.repo?.error ?? ""), `${body}: ${report.stderr}`);
      assert.doesNotMatch(report.stderr, /[\u0007\u001b]/);
    }
  });

  test("that breaks off or fails is told from one that has no repository", async () => {
    server.answer("broken", (_, response) => void response.writeHead(500).end());
    assert.equal((await fetched("broken", "")).repo?.error, "unreachable");
    server.answer("broken", (request) => void request.socket.destroy());
    assert.notEqual((await fetched("broken", "")).repo?.error, "not_found");
  });

  test("that never answers has an end, and so has a fetch that is cancelled", async () => {
    server.answer("silent", () => undefined);
    const before = kept();
    const [cancelled, waiting] = [job("python", "", { repo: { url: `${server.url("silent")}/cancelled` } }), fetched("silent", "print('started')")];
    let report: { status: string } | undefined;
    for await (const event of events(runner, cancelled)) {
      if (event.type === "stage") {
        await until("a request", () => server.requests.some((request) => request.includes("/cancelled")));
        const headers = { authorization: `Bearer ${runner.secret}`, "docle-protocol": PROTOCOL };
        await fetch(`${runner.url}/v1/runs/${cancelled.id}`, { method: "DELETE", headers });
      }
      if (event.type === "complete") report = event.report;
    }
    assert.equal(report?.status, "cancelled");
    await until("no git any more", () => processesWith("/silent/cancelled").length === 0);
    const silent = await waiting;
    assert.deepEqual([silent.status, silent.exitCode, silent.repo?.error], ["install_failed", 124, "timeout"], silent.stderr);
    await until("nothing that is kept", () => kept().length === before.length && server.connections === 0);
  });
});

test("a run leaves nothing of its repository behind, and the next one has its own", async () => {
  server.repository("clean").commit({ file: "from the repository" });
  const code = "open('file', 'a').write(' and more')\nprint(open('file').read())";
  for (const _ of [1, 2]) assert.equal((await fetched("clean", code)).stdout, "from the repository and more\n");
  await until("no layer", () => !kept().some((name) => name.startsWith("run-")));
});

test("names that git would take for options never reach the runner's git", async () => {
  for (const repo of [{ url: "--upload-pack=id" }, { url: "ext::sh -c id" }, { url: server.url("a"), ref: "--upload-pack=id" }, { url: server.url("a"), ref: "+main" }, { url: server.url("a"), subdir: "../x" }]) {
    const answer = await post(runner, JSON.stringify(job("python", "", { repo })));
    assert.equal(answer.status, 400, JSON.stringify(repo));
    await answer.body?.cancel();
  }
});

await forOrdinaryUser((user) => {
  test("a repository is fetched by jails of an ordinary user as well", async () => {
    server.repository("user").commit({ "data/text": "fetched", "run.sh": { script: "#!/bin/sh\necho executed" }, link: { link: "data" } });
    const code = "import os, subprocess\nprint(open('link/text').read(), subprocess.check_output('./run.sh', text=True), os.stat('data').st_uid == os.getuid())";
    const report = await fetched("user", code, {}, user);
    assert.equal(report.stdout, "fetched executed\n True\n", report.stderr);
  });
});
