//! `npm test`: sets up what is missing, then runs every check there is. `npm test -- rust` runs the parts so named.

import { main, Missing } from "./setup/missing.mjs";
import { prepare } from "./setup/prepare.mjs";
import { parts } from "./test/parts.mjs";

await main(async () => {
  const [wanted = ""] = process.argv.slice(2);
  const chosen = parts.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  if (chosen.length === 0) throw new Missing(`No part of the tests is called "${wanted}": ${parts.map(({ name }) => name).join(", ")}.`);
  await prepare();

  const lines = [];
  const total = { passed: 0, failed: 0 };
  for (const { name, run, needs } of chosen) {
    process.stdout.write(`\n== ${name}\n`);
    const missing = await needs?.();
    if (missing !== undefined && !process.env.CI) {
      lines.push(`  skipped ${name}: ${missing}`);
      continue;
    }
    if (missing !== undefined) process.stdout.write(`${missing}\n`);
    const begun = Date.now();
    const { passed, failed } = missing === undefined ? await run() : { passed: 0, failed: 1 };
    total.passed += passed;
    total.failed += failed;
    const seconds = ((Date.now() - begun) / 1000).toFixed(1);
    lines.push(`  ${failed === 0 ? "passed" : "FAILED"}  ${name.padEnd(36)} ${`${passed} passed, ${failed} failed`.padEnd(24)} ${seconds} s`);
  }
  process.stdout.write(`\n${lines.join("\n")}\n\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
});
