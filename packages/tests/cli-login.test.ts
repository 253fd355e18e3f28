//! `docle login` with a code, and what it lets the command do: keys, logs, the page of the project, and the way out.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { until } from "../../tests/harness/until.ts";
import { Cli } from "./cli-harness.ts";

const cli = await Cli.start();
after(() => cli.stop());
const { service } = cli;
const url = service.worker.url;
const env = { ...cli.env, DOCLE_API_KEY: "" };
const file = join(cli.config, "docle", "config.json");
const docle = (...args: string[]) => cli.run(args, { env });
const kept = () => JSON.parse(readFileSync(file, "utf8")) as { apiKey: string; management: { token: string; tokenId: string; keyId: string; project: string } };

/** The cookie of a user who has signed in by mail. */
async function signIn(): Promise<string> {
  const email = "ada@example.com";
  const send = (path: string, body: object) => fetch(url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.equal((await send("/auth/request", { email })).status, 200);
  let token: string | undefined;
  await until("the mail", async () => {
    const { messages } = (await (await fetch(`${url}/auth/outbox`)).json()) as { messages: { to: string; text: string }[] };
    token = messages.find(({ to }) => to === email)?.text.match(/token=([0-9a-f]{64})/)?.[1];
    return token !== undefined;
  });
  const redeemed = await send("/auth/verify", { token });
  return redeemed.headers.getSetCookie()[0]?.split(";")[0] ?? assert.fail("no cookie");
}

const cookie = await signIn();
const made = await fetch(`${url}/api/projects`, { method: "POST", headers: { cookie, "content-type": "application/json" }, body: JSON.stringify({ name: "Shop" }) });
const { id: project } = (await made.json()) as { id: string };

/** Sends the form of the page, as a browser does. */
async function decide(code: string, decision: "allow" | "deny"): Promise<string> {
  const headers = { cookie, origin: url, "content-type": "application/x-www-form-urlencoded" };
  const response = await fetch(`${url}/device`, { method: "POST", headers, body: new URLSearchParams({ code, project, decision }).toString() });
  return response.text();
}

/** Begins a login, and waits for its code. */
async function begun() {
  const command = cli.begin(["login"], { env });
  let code: string | undefined;
  await until("a code", () => (code = command.said.stderr.match(/type the code ([A-Z]{4}-[A-Z]{4})\b/)?.[1]) !== undefined);
  return { command, code: code ?? "" };
}

test("a user signs the command in, and it runs programs and manages its project until it signs out", async () => {
  const { command, code } = await begun();
  assert.match(command.said.stderr, /open http:\S+\/device and type/);
  assert.match(await decide(code, "allow"), /The program is signed in/);
  const login = await command.ended;
  assert.equal(login.code, 0, login.stderr);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { apiKey, management } = kept();
  assert.equal(management.project, project);
  for (const secret of [apiKey, management.token]) assert.ok(!login.stderr.includes(secret) && !login.stdout.includes(secret));

  const cwd = mkdtempSync(join(cli.folder, "files-"));
  writeFileSync(join(cwd, "main.py"), "print('hello')");
  assert.equal((await cli.run(["run", "main.py"], { cwd, env })).stdout, "hello\n");

  const listed = await docle("keys", "--json");
  const keys = listed.stdout.trim().split("\n").map((line) => JSON.parse(line) as { id: string; type: string; name: string });
  assert.deepEqual(keys.map(({ id, type }) => [id, type]).toSorted(), [[management.keyId, "secret"], [management.tokenId, "management"]].toSorted());
  assert.match(keys.find(({ type }) => type === "secret")?.name ?? "", /^docle-cli on /);

  const ci = (await docle("keys", "new", "--name", "CI")).stdout.trim();
  assert.match(ci, /^sk_live_[0-9a-f]{48}$/);
  assert.equal((await cli.run(["run", "main.py"], { cwd, env: { ...env, DOCLE_API_KEY: ci } })).stdout, "hello\n");
  const id = (await docle("keys")).stdout.split("\n").find((line) => line.endsWith('"CI"'))?.split("\t")[0] ?? assert.fail("no key CI");
  assert.equal((await docle("keys", "rm", id)).code, 0);
  assert.equal((await cli.run(["run", "main.py"], { cwd, env: { ...env, DOCLE_API_KEY: ci } })).code, 125);

  // No browser is there, and the address is printed in any case.
  assert.equal((await cli.run(["open"], { env: { ...env, PATH: "" } })).stdout, `${url}/projects/${project}\n`);

  const elsewhere = await cli.run(["keys", "--base-url", "http://127.0.0.1:9"], { env });
  assert.match(elsewhere.stderr, /You are not signed in to http:\/\/127\.0\.0\.1:9/);

  const out = await docle("logout");
  assert.equal(out.code, 0, out.stderr);
  assert.ok(!existsSync(file));
  const refused = await fetch(`${url}/api/projects/${project}`, { headers: { authorization: `Bearer ${management.token}` } });
  assert.equal(refused.status, 401, "the token is revoked");
  assert.equal((await cli.run(["run", "main.py"], { cwd, env: { ...env, DOCLE_API_KEY: apiKey } })).code, 125, "and the key");
});

test("a user refuses the command", async () => {
  const { command, code } = await begun();
  assert.match(await decide(code, "deny"), /Refused/);
  const { code: exitCode, stderr } = await command.ended;
  assert.equal(exitCode, 125);
  assert.match(stderr, /refused/);
  assert.ok(!existsSync(file));
});

/** Starts a run that goes on without its caller. */
async function detached(code: string): Promise<string> {
  const body = { lang: "python", code, detach: true, policy: { timeoutMs: 300_000 } };
  const headers = { authorization: `Bearer ${service.worker.key}`, "content-type": "application/json" };
  const run = await service.fetch("/api/run", { method: "POST", headers, body: JSON.stringify(body) });
  return ((await run.json()) as { id: string }).id;
}

test("logs shows a run while it goes on", async () => {
  const id = await detached("import time\nprint('first', flush=True)\ntime.sleep(600)");
  const following = cli.begin(["logs", id]);
  await until("the first line", () => following.said.stdout === "first\n");
  assert.equal((await cli.run(["cancel", id])).code, 0);
  const { stdout, stderr } = await following.ended;
  assert.equal(stdout, "first\n");
  assert.match(stderr, /cancelled/);
});

test("logs shows a run that has ended, and ends with its exit code", async () => {
  const id = await detached("import sys\nprint('out')\nprint('wrong', file=sys.stderr)\nsys.exit(3)");
  assert.equal((await cli.run(["show", id])).code, 3);
  const { code, stdout, stderr } = await cli.run(["logs", id]);
  assert.deepEqual({ code, stdout }, { code: 3, stdout: "out\n" });
  assert.match(stderr, /^wrong\n.*exit code 3/s);
  const none = await cli.run(["logs", "93e6c0d5-6708-4be9-aa6d-06b81a39e526"]);
  assert.equal(none.code, 125);
  assert.match(none.stderr, /no run/i);
});
