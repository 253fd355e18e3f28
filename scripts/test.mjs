//! `npm test`: sets up what is missing, then runs every check there is. `npm test -- rust` runs the parts so named.
//!
//! Parts that disturb no other run side by side at the beginning, in two stages of a few lanes; each shows its output when it ends.
//! The others then run alone and in sight, because they measure time and count processes.

import { main, Missing } from "./setup/missing.mjs";
import { prepare } from "./setup/prepare.mjs";
import { parts, STAGES } from "./test/parts.mjs";

/** @typedef {import("./test/parts.mjs").Part} Part */

/** How each part went, in its own words. @type {Map<string, string>} */
const verdicts = new Map();
const total = { passed: 0, failed: 0 };

/** Runs a part, unless it lacks something that only CI must have. @param {Part} part @param {(text: string) => void} out */
async function runPart({ name, needs, run }, out) {
  const missing = await needs?.();
  if (missing !== undefined && !process.env.CI) return void verdicts.set(name, `  skipped ${name}: ${missing}`);
  if (missing !== undefined) out(`${missing}\n`);
  const begun = Date.now();
  const { passed, failed } = missing === undefined ? await run(out) : { passed: 0, failed: 1 };
  total.passed += passed;
  total.failed += failed;
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  verdicts.set(name, `  ${failed === 0 ? "passed" : "FAILED"}  ${name.padEnd(36)} ${`${passed} passed, ${failed} failed`.padEnd(24)} ${seconds} s`);
}

/** Runs the parts of a lane one after the other; `single` shows the output as it comes. @param {Part[]} lane @param {boolean} single */
async function runLane(lane, single) {
  for (const part of lane) {
    if (part.lane === undefined) {
      await part.ahead?.run();
      continue;
    }
    const heading = `\n== ${part.name}\n`;
    if (single) {
      process.stdout.write(heading);
      await runPart(part, (text) => void process.stdout.write(text));
      continue;
    }
    let output = heading;
    await runPart(part, (text) => void (output += text));
    process.stdout.write(output);
  }
}

await main(async () => {
  const [wanted = ""] = process.argv.slice(2);
  const chosen = parts.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  if (chosen.length === 0) throw new Missing(`No part of the tests is called "${wanted}": ${parts.map(({ name }) => name).join(", ")}.`);
  await prepare();

  for (const stage of STAGES) {
    const lanes = stage.map((name) => chosen.filter(({ lane, ahead }) => (lane ?? ahead?.lane) === name)).filter((lane) => lane.length > 0);
    await Promise.all(lanes.map((lane) => runLane(lane, lanes.length === 1)));
  }
  for (const part of chosen.filter(({ lane }) => lane === undefined)) {
    process.stdout.write(`\n== ${part.name}\n`);
    await runPart(part, (text) => void process.stdout.write(text));
  }
  const lines = chosen.map(({ name }) => verdicts.get(name));
  process.stdout.write(`\n${lines.join("\n")}\n\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
});
