//! `npm run deploy`: what is done to an account, in which order, and what is left of it on this machine.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { inRoot, own } from "../../scripts/setup/paths.mjs";

mkdirSync(join(own, "tmp"), { recursive: true });
const directory = mkdtempSync(join(own, "tmp", "deploy-"));
after(() => rmSync(directory, { recursive: true, force: true }));

interface Call {
  args: string[];
  secrets?: Record<string, string>;
}

let deployments = 0;

/** Runs scripts/deploy.mjs with a wrangler that writes down what it is asked. */
function deploy(args: string[], env: Record<string, string> = {}) {
  const record = join(directory, `${deployments++}.jsonl`);
  const { RESEND_API_KEY: _, DEPLOYMENT_SECRET: __, ...clean } = process.env;
  const all = { ...clean, DOCLE_WRANGLER: inRoot("tests", "harness", "recorder.mjs"), RECORD: record, ...env };
  const { status, stdout, stderr } = spawnSync(process.execPath, [inRoot("scripts", "deploy.mjs"), ...args], { env: all, encoding: "utf8" });
  const text = existsSync(record) ? readFileSync(record, "utf8").trim().split("\n") : [];
  return { status, output: stdout + stderr, calls: text.map((line) => JSON.parse(line) as Call) };
}

/** The call that deploys the Worker. */
const deployed = (calls: Call[]) => calls.findLast(({ args }) => args[0] === "deploy");

const shown = (calls: Call[]) => calls.map(({ args }) => args.filter((arg) => !arg.startsWith("/")).join(" "));

test("a first deployment makes the database, applies migrations, and then deploys with its secrets", () => {
  const { status, output, calls } = deploy(["staging"], { RESEND_API_KEY: "re_secret", DEPLOYMENT_SECRET: "dep_secret" });
  assert.equal(status, 0, output);
  assert.deepEqual(shown(calls), [
    "whoami --json",
    "d1 list --json",
    "d1 create docle-staging",
    "d1 migrations apply DB --remote --env staging",
    "deploy --config --env staging",
    "deploy --env staging --secrets-file",
    "r2 bucket lifecycle set docle-artifacts-staging --file --force",
  ]);
  assert.deepEqual(deployed(calls)?.secrets, { RESEND_API_KEY: "re_secret", DEPLOYMENT_SECRET: "dep_secret" });
  for (const secret of ["re_secret", "dep_secret"]) {
    assert.ok(!output.includes(secret) && !JSON.stringify(calls.map(({ args }) => args)).includes(secret), "a secret is in no argument and no output");
  }
  assert.ok(!existsSync(deployed(calls)?.args.at(-1) ?? ""), "and not left on disk");
});

test("a first deployment without a secret for keys is refused before anything is made", () => {
  const { status, output, calls } = deploy(["staging"]);
  assert.equal(status, 1);
  assert.match(output, /DEPLOYMENT_SECRET=\$\(openssl rand -hex 32\) npm run deploy -- staging/);
  assert.deepEqual(shown(calls), ["whoami --json", "d1 list --json"]);
});

test("a later one leaves the database and the other secrets alone", () => {
  const { status, calls } = deploy(["production"], { DATABASES: '[{"name":"docle-production"}]' });
  assert.equal(status, 0);
  assert.ok(!shown(calls).some((call) => call.startsWith("d1 create")));
  assert.deepEqual(deployed(calls)?.secrets, {});
});

test("nothing is deployed where the migrations fail", () => {
  const { status, output, calls } = deploy(["staging"], { FAILS: "d1", DATABASES: "[]" });
  assert.equal(status, 1);
  assert.match(output, /wrangler d1 .* failed; .*Running the same command again/);
  assert.ok(!shown(calls).some((call) => call.startsWith("deploy")));
});

test("what is missing is one sentence", () => {
  assert.match(deploy([]).output, /Say where to deploy: npm run deploy -- staging or production\./);
  assert.match(deploy(["staging", "--force"]).output, /--force is not known/);
  const { status, output, calls } = deploy(["staging"], { SIGNED_OUT: "1" });
  assert.equal(status, 1);
  assert.match(output, /run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN/);
  assert.equal(calls.length, 1);
});
