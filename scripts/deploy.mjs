//! `npm run deploy -- staging|production [--dry-run]`: database, migrations, isolate Worker, secrets, image and Worker, in that order.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { containerEnv } from "./containers/settings.mjs";
import { Failed, main, Missing } from "./setup/missing.mjs";
import { inRoot, node, own, wrangler as installed } from "./setup/paths.mjs";
import { build } from "./setup/prepare.mjs";

const ENVIRONMENTS = ["staging", "production"];
/** Secrets that are set where the environment of this command has them; others stay as they are. */
const SECRETS = ["RESEND_API_KEY", "DEPLOYMENT_SECRET", "DEPLOYMENT_SECRET_PREVIOUS", "SANDBOX_SECRET"];

/** The isolate Worker has a configuration of its own. */
const ISOLATES = ["deploy", "--config", inRoot("isolates", "wrangler.toml")];

// A stand-in of the tests writes down what it is asked.
const wrangler = process.env.DOCLE_WRANGLER ?? installed;
const secretsFile = join(own, "deploy-secrets.json");

/** Runs wrangler in sight; with `quiet` it answers with what was printed instead. @param {string[]} args @param {{ quiet?: boolean, env?: NodeJS.ProcessEnv }} [options] */
function run(args, { quiet = false, env = {} } = {}) {
  if (!quiet) process.stdout.write(`\n$ wrangler ${args.join(" ")}\n`);
  try {
    /** @type {import("node:child_process").StdioOptions} */
    const stdio = ["inherit", quiet ? "pipe" : "inherit", "inherit"];
    const printed = execFileSync(node, [wrangler, ...args], { cwd: inRoot(), encoding: "utf8", stdio, env: { ...process.env, ...env, WRANGLER_SEND_METRICS: "false" } });
    return printed ?? "";
  } catch {
    throw new Failed(`wrangler ${args.slice(0, 3).join(" ")} failed; what it said is above. Running the same command again goes on where it stopped.`, "");
  }
}

/** Asks wrangler for JSON, which may follow a banner. @param {string[]} args */
const ask = (args) => JSON.parse(run(args, { quiet: true }).replace(/^[^[{]*/, ""));

/** Creates the database of an environment unless it is there. @param {string} name @param {string} environment */
function createDatabase(name, environment) {
  const databases = /** @type {{ name: string }[]} */ (ask(["d1", "list", "--json"]));
  if (databases.some((database) => database.name === name)) return;
  // Only this command knows that there is no secret yet, and none may replace one: keys are made with it.
  if (!process.env.DEPLOYMENT_SECRET) {
    throw new Missing(`The first deployment needs a secret: DEPLOYMENT_SECRET=$(openssl rand -hex 32) npm run deploy -- ${environment}`);
  }
  run(["d1", "create", name]);
}

/** Deploys with the secrets that this command was given, which go with the version and are on disk no longer than that. @param {string} environment @param {NodeJS.ProcessEnv} env */
function deploy(environment, env) {
  const secrets = Object.fromEntries(SECRETS.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  const named = Object.keys(secrets);
  process.stdout.write(`\nSecrets set by this deployment: ${named.join(", ") || "none; those that are there stay"}.\n`);
  mkdirSync(own, { recursive: true });
  writeFileSync(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
  try {
    run(["deploy", "--env", environment, "--secrets-file", secretsFile], { env });
  } finally {
    rmSync(secretsFile, { force: true });
  }
}

await main(async () => {
  const [environment = "", ...flags] = process.argv.slice(2);
  if (!ENVIRONMENTS.includes(environment)) throw new Missing(`Say where to deploy: npm run deploy -- ${ENVIRONMENTS.join(" or ")}.`);
  const wrong = flags.find((flag) => flag !== "--dry-run");
  if (wrong) throw new Missing(`${wrong} is not known: there is --dry-run.`);
  await build(["worker", "isolates"]);
  const env = await containerEnv();
  if (flags.includes("--dry-run")) {
    run([...ISOLATES, "--dry-run", "--env", environment]);
    run(["deploy", "--dry-run", "--env", environment], { env });
    return;
  }
  const { loggedIn } = /** @type {{ loggedIn: boolean }} */ (ask(["whoami", "--json"]));
  if (!loggedIn) throw new Missing("wrangler is not signed in to Cloudflare: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.");
  createDatabase(environment === "production" ? "docle-production" : "docle-staging", environment);
  // Before the code that needs them: migrations only add, so the version that still runs does not mind.
  run(["d1", "migrations", "apply", "DB", "--remote", "--env", environment], { env: { CI: "true" } });
  // First, because the Worker is bound to it.
  run([...ISOLATES, "--env", environment]);
  deploy(environment, env);
  // After the first deployment, which makes the bucket. The Worker deletes files with their runs; this is for files of runs that
  // were never recorded.
  run(["r2", "bucket", "lifecycle", "set", `docle-artifacts-${environment}`, "--file", inRoot("scripts", "artifacts-lifecycle.json"), "--force"]);
  process.stdout.write("\nDeployed. `npm run verify -- <url>` says whether it works; the first run starts a container.\n");
});
