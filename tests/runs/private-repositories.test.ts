//! Runs with the files of a repository that only a token opens: what the token does, and where it never is.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { GitServer } from "../harness/git-server.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const server = await GitServer.start();
process.env.DOCLE_REPOSITORY_HOSTS = server.host;
const docle = await Docle.start();
after(() => Promise.all([docle.stop(), server.stop()]));

const token = `ghp_${"Ab1-".repeat(9)}`;
const header = Buffer.from(`x-access-token:${token}`).toString("base64");
server.repository("closed").commit({ "main.py": "print('opened')" });
server.protect("closed", token);

const run = (repo: object, more: object = {}) => docle.run({ lang: "python", repo: { url: server.url("closed"), ...repo }, ...more });

test("a repository that only a token opens is fetched with it", async () => {
  const result = await run({ token });
  assert.equal(result.stdout, "opened\n", result.stderr);
  assert.deepEqual(Object.keys(result.repo ?? {}).sort(), ["commit", "url"]);
});

test("without the token and with another one it is not found, and the message says which of both", async () => {
  const without = await run({});
  assert.equal(without.repo?.error, "not_found", without.stderr);
  assert.match(without.stderr, /or it is private.*repo\.token/);
  const wrong = await run({ token: "another" });
  assert.equal(wrong.repo?.error, "not_found", wrong.stderr);
  assert.match(wrong.stderr, /the token may not read it/);
});

test("the token is not in the program's jail, in the result, in the history or in a log", async () => {
  // All of the environment, of the files and of the processes that the program can see.
  const code = [
    "import os, subprocess",
    `needles = [bytes.fromhex('${Buffer.from(token).toString("hex")}'), bytes.fromhex('${Buffer.from(header).toString("hex")}')]`,
    "found = [value for value in os.environb.values() if any(n in value for n in needles)]",
    "for top in ('/workspace', '/tmp', '/packages', '/dev/shm', '/run'):",
    "    for folder, _, names in os.walk(top):",
    "        for name in names:",
    "            try: data = open(os.path.join(folder, name), 'rb').read()",
    "            except OSError: continue",
    "            if any(n in data for n in needles): found.append(name)",
    "print(found, os.path.exists('/workspace/.git'), os.read(0, 100))",
  ].join("\n");
  const result = await run({ token }, { code, entrypoint: "look.py", stdin: "input" });
  assert.equal(result.stdout, "[] False b'input'\n", result.stderr);
  await docle.recorded(result.id);
  const answer = await docle.fetch(`/api/run/${result.id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } });
  const stored = await answer.text();
  assert.ok(stored.includes('"input"'));
  for (const text of [JSON.stringify(result), stored, docle.runner.log, docle.worker.logs.join("\n")]) {
    assert.ok(!text.includes(token) && !text.includes(header));
  }
  assert.throws(() => execFileSync("grep", ["-rqF", token, docle.runner.state], { stdio: "ignore" }), "nothing of the runner's state has it");
});

test("the token is on no command line while git waits, and a server that sends it back does not get it into the result", async () => {
  let answered = () => {};
  const asked = new Promise<void>((resolve) => {
    server.answer("echo", (request, response) => {
      const sent = request.headers.authorization;
      if (sent === undefined) return void response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      answered = () => void response.writeHead(403, { "content-type": "text/plain" }).end(`Your token ${token} or ${sent} is not enough.`);
      resolve();
    });
  });
  const running = run({ url: server.url("echo"), token });
  await asked;
  await until("git", () => processesWith(server.url("echo")).length > 0);
  assert.deepEqual([processesWith(token), processesWith(header)], [[], []]);
  answered();
  const result = await running;
  assert.deepEqual([result.status, result.repo?.error], ["install_failed", "not_found"], result.stderr);
  assert.ok(!result.stderr.includes(token) && !result.stderr.includes(header), result.stderr);
});

test("another host gets no token, and a detached run has none", async () => {
  const other = await GitServer.start();
  const seen: (string | undefined)[] = [];
  other.answer("x", (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
  });
  server.answer("away", (_, response) => void response.writeHead(302, { location: `${other.url("x")}/info/refs?service=git-upload-pack` }).end());
  assert.equal((await run({ url: server.url("away"), token })).repo?.error, "unreachable");
  assert.deepEqual(seen, []);
  await other.stop();
  const refused = await docle.refused(400, { lang: "python", repo: { url: server.url("closed"), token }, detach: true });
  assert.deepEqual(refused.errors?.map(({ field }) => field), ["repo.token"]);
  assert.ok(!JSON.stringify(refused).includes(token));
});
