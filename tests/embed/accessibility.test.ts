//! The frame for people who see, hear or type differently: axe, small screens, less motion, forced colours.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import type { Frame } from "puppeteer-core";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { EmbedFixture, ended } from "../harness/embed.ts";
import { until } from "../harness/until.ts";

const embed = await EmbedFixture.start();
after(() => embed.stop());

const axe = readFileSync(inRoot("node_modules", "axe-core", "axe.min.js"), "utf8");
const code = "def area(w, h):\n    # A comment.\n    return w * h\n\nprint(f'{area(3, 7)}', None, True)\nraise ValueError('no')";

/** What axe finds wrong. */
async function violations(frame: Frame): Promise<string[]> {
  await frame.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = (await frame.evaluate(`axe.run({ runOnly: ${JSON.stringify(tags)} })`)) as { violations: { id: string; nodes: { html: string }[] }[] };
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

for (const theme of ["dark", "light"]) {
  for (const width of [320, 800]) {
    test(`axe finds nothing in ${theme} at ${width} px`, async () => {
      const lesson = await embed.openFrame({ code, theme, stdin: "", autorun: "true" }, undefined, width);
      const frame = await lesson.frame();
      await ended(frame, "Error");
      await until("colours", async () => (await frame.$(".tok-keyword")) !== null);
      assert.deepEqual(await violations(frame), []);
      assert.equal(await frame.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, "nothing lies beyond the edge");
    });
  }
  test(`axe finds nothing in ${theme} before a run, and without a key`, async () => {
    for (const key of [embed.key, ""]) {
      const frame = await (await embed.openFrame({ code, theme, key })).frame();
      assert.deepEqual(await violations(frame), []);
    }
  });
}

test("nothing moves for people who want less motion", async () => {
  const lesson = await embed.openFrame({ code: "while True: pass" });
  await lesson.page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Running");
  const counts = (await frame.evaluate("getComputedStyle(document.querySelector('.line')).animationIterationCount")) as string;
  assert.equal(counts, "1");
  await frame.click(".btn.stop");
  await ended(frame, "Stopped");
});
