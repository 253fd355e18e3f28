//! Stored judges through the real Worker and runner: a checker, a run token, and nothing that a program could give away.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { json, Platform, type User } from "../harness/platform.ts";
import { Runner } from "../harness/runner.ts";

const runner = await Runner.start();
const docle = await Platform.start({ SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret, ENVIRONMENT: "development" });
after(async () => {
  await docle.stop();
  await runner.stop();
});
let user: User;
let project: string;
let key: string;
before(async () => {
  user = await docle.signIn("ada@example.com");
  project = (await json(201, await user.call("POST", "/api/projects", { name: "Course" }))).id;
  key = (await json(201, await user.call("POST", `/api/projects/${project}/keys`, {}))).key;
});

const make = async (settings: object): Promise<string> => (await json(201, await user.call("POST", `/api/projects/${project}/judges`, settings))).id;
const judge = (credential: string, body: object) => docle.send("/api/run/judge", { lang: "python", ...body }, { authorization: `Bearer ${credential}` });
const token = async (): Promise<string> => (await json(201, await docle.send("/api/tokens", {}, { authorization: `Bearer ${key}` }))).token;

test("a program that gives its input away told its caller nothing", async () => {
  const id = await make({ tests: [{ stdin: "a secret", expected: "42" }, { stdin: "6 7", expected: "42" }] });
  const code = "import os, sys\ntext = input()\nprint(text, file=sys.stderr)\nopen('out.txt', 'w').write(text)\nprint(text if 'secret' in text else 42)";
  const result = await json(200, await judge(await token(), { judge: id, code }));
  assert.deepEqual([result.verdict, result.passed, result.tests.map(({ verdict }: { verdict: string }) => verdict)], ["wrong_answer", 1, ["wrong_answer", "accepted"]]);
  assert.ok(!JSON.stringify(result).includes("secret"), JSON.stringify(result));
  const own = await token();
  await json(200, await judge(own, { judge: id, code }));
  const listed = await json(200, await docle.fetch("/api/runs", { headers: { authorization: `Bearer ${own}` } }));
  assert.deepEqual([listed.history, listed.pending], [[], []], "a token lists the runs that it started, with their input");
  const whole = await json(200, await judge(key, { judge: id, code }));
  assert.match(whole.tests[0].run.stderr, /a secret/);
});

test("a stored checker decides, and its words are for the project alone", async () => {
  const checker = { lang: "python", code: "import sys\nprint('hidden words')\nsys.exit(0 if open('test/output.txt').read().strip() == '1' else 1)" };
  const id = await make({ tests: [{}], checker, stopOnFailure: true, policy: { timeoutMs: 5_000 } });
  const [accepted, refused] = [await json(200, await judge(await token(), { judge: id, code: "print(1)" })), await json(200, await judge(await token(), { judge: id, code: "print(2)" }))];
  assert.deepEqual([accepted.verdict, refused.verdict], ["accepted", "wrong_answer"]);
  assert.deepEqual(accepted.tests, [{ index: 0, verdict: "accepted", points: 1 }]);
  assert.match((await json(200, await judge(key, { judge: id, code: "print(1)" }))).tests[0].checker.message, /hidden words/);
});

test("a deleted judge judges no more", async () => {
  const id = await make({ tests: [{}] });
  await json(200, await judge(key, { judge: id, code: "" }));
  await json(204, await user.call("DELETE", `/api/judges/${id}`));
  const refused = await json(404, await judge(key, { judge: id, code: "" }));
  assert.equal(refused.code, "judge_not_found");
});
