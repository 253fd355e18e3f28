//! Runs checks one after the other and prints a table.

import { performance } from "node:perf_hooks";

/**
 * A check: what must hold, in words. `run` answers with what it saw, and throws a sentence where it does not hold.
 * @typedef {{ name: string, run: (client: import("./client.mjs").Client) => Promise<string> }} Check
 */

/**
 * Runs all checks. Answers with an exit code: 0 if all hold.
 * @param {import("./client.mjs").Client} client @param {Check[]} checks @param {(text: string) => void} print
 */
export async function verify(client, checks, print) {
  const width = Math.max(...checks.map(({ name }) => name.length));
  let failed = 0;
  print(`\n  ${client.url}\n\n`);
  for (const { name, run } of checks) {
    const begun = performance.now();
    let saw;
    let mark = "ok";
    try {
      saw = await run(client);
    } catch (error) {
      failed += 1;
      mark = "FAILED";
      saw = error instanceof Error ? (error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message) : String(error);
    }
    const ms = Math.round(performance.now() - begun);
    // What a deployment says goes to a terminal, so no control character of it does.
    print(`  ${mark.padEnd(6)}  ${name.padEnd(width)}  ${`${ms} ms`.padStart(9)}  ${saw.replaceAll(client.key, "sk_live_…").replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, 200)}\n`);
  }
  print(failed === 0 ? `\n  All ${checks.length} checks hold.\n` : `\n  ${failed} of ${checks.length} checks failed.\n`);
  return failed === 0 ? 0 : 1;
}
