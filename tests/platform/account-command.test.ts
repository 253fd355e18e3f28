//! `npm run account`: what an operator asks of the database, and what is shown.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { inRoot, own } from "../../scripts/setup/paths.mjs";

mkdirSync(join(own, "tmp"), { recursive: true });
const directory = mkdtempSync(join(own, "tmp", "account-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let commands = 0;

/** Runs scripts/account.mjs with a wrangler that writes down what it is asked and answers with these rows. */
function account(args: string[], rows: unknown[] = []) {
  const record = join(directory, `${commands++}.jsonl`);
  const wrangler = inRoot("tests", "harness", "recorder.mjs");
  const env = { ...process.env, DOCLE_WRANGLER: wrangler, RECORD: record, DATABASES: JSON.stringify([{ results: rows }]) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [inRoot("scripts", "account.mjs"), ...args], { env, encoding: "utf8" });
  const asked = existsSync(record) ? (JSON.parse(readFileSync(record, "utf8")) as { args: string[] }).args : [];
  return { status, stdout, stderr, asked };
}

test("an account is suspended in the database of its environment", () => {
  const row = { id: "user_1", email: "ada@example.com", trusted: 0, suspended_at: 5 };
  const { status, stdout, asked } = account(["suspend", "Ada@example.com", "production"], [row]);
  assert.equal(status, 0);
  assert.deepEqual(JSON.parse(stdout), row);
  const statement = "UPDATE users SET suspended_at = coalesce(suspended_at, unixepoch() * 1000) WHERE email = 'ada@example.com' RETURNING id, email, trusted, suspended_at";
  assert.deepEqual(asked, ["d1", "execute", "docle-production", "--remote", "--env", "production", "--json", "--yes", "--command", statement]);
});

test("an address without an account, and what is no command, are told so", () => {
  const missing = account(["trust", "eve@example.com", "staging"]);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /No account has the address eve@example\.com\./);
  for (const wrong of [[], ["delete", "a@example.com", "staging"], ["trust", "a@example.com", "moon"], ["trust", "x' OR 1=1", "staging"]]) {
    const { status, asked } = account(wrong);
    assert.deepEqual([status, asked], [1, []], wrong.join(" "));
  }
});
