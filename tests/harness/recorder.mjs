//! Stands in for wrangler where a real account would be needed: writes down what it is asked, and answers as it would.

import { appendFileSync, existsSync, readFileSync } from "node:fs";

const args = process.argv.slice(2);
const file = args[args.indexOf("--secrets-file") + 1] ?? "";
const secrets = args.includes("--secrets-file") && existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
appendFileSync(process.env.RECORD ?? "", `${JSON.stringify({ args, secrets })}\n`);

const answers = {
  whoami: { loggedIn: process.env.SIGNED_OUT === undefined },
  d1: JSON.parse(process.env.DATABASES ?? "[]"),
};
if (args.includes("--json")) process.stdout.write(`banner\n${JSON.stringify(args[0] === "whoami" ? answers.whoami : answers.d1)}\n`);
if (args[0] === process.env.FAILS) process.exitCode = 1;
