//! `npm run account -- <suspend|resume|trust|distrust|show> <mail address> <staging|production|development>`: what an operator does with an account.

import { execFileSync } from "node:child_process";
import { ACTIONS, accountSql } from "./account/sql.mjs";
import { Failed, main, Missing } from "./setup/missing.mjs";
import { inRoot, node, state, wrangler as installed } from "./setup/paths.mjs";

const USAGE = `npm run account -- <${ACTIONS.join("|")}> <mail address> <staging|production|development>`;

// A stand-in of the tests writes down what it is asked.
const wrangler = process.env.DOCLE_WRANGLER ?? installed;

/** Where the database of an environment is. @param {string} environment */
function database(environment) {
  if (environment === "development") return ["docle", "--local", "--persist-to", state];
  if (["staging", "production"].includes(environment)) return [`docle-${environment}`, "--remote", "--env", environment];
  throw new Missing(`${environment} is no environment: ${USAGE}`);
}

await main(async () => {
  const [action = "", email = "", environment = ""] = process.argv.slice(2);
  if (!ACTIONS.includes(action) || email === "") throw new Missing(USAGE);
  const args = ["d1", "execute", ...database(environment), "--json", "--yes", "--command", accountSql(action, email)];
  const printed = execFileSync(node, [wrangler, ...args], { cwd: inRoot(), encoding: "utf8", env: { ...process.env, WRANGLER_SEND_METRICS: "false" } });
  const [answer] = /** @type {{ results: unknown[] }[]} */ (JSON.parse(printed.replace(/^[^[{]*/, "")));
  const [account] = answer?.results ?? [];
  if (account === undefined) throw new Failed(`No account has the address ${email}.`, "");
  process.stdout.write(`${JSON.stringify(account)}\n`);
});
