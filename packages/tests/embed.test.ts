//! The package of playgrounds, from its tarball: on a server, and in a page of a site that has nothing else of ours.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { EmbedFixture, ended, output } from "../../tests/harness/embed.ts";
import { install, load } from "./packed.ts";

const installed = install("embed");
const embed = await EmbedFixture.start();
after(async () => {
  await embed.stop();
  installed.remove();
});
const script = readFileSync(join(installed.package, "dist", "embed.js"), "utf8");

test("it can be imported where there is no page", async () => {
  const module = (await load(installed)) as { defineCodeRun(): void; Embed: unknown };
  module.defineCodeRun();
  assert.equal(typeof module.Embed, "function");
});

test("the script of a CDN makes playgrounds of the service that the page names", async () => {
  const lesson = await embed.open(`<script data-key="${embed.key}" data-endpoint="${embed.url}">${script}</script><pre data-docle data-loading="eager">print("from a tarball")</pre>`);
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), "from a tarball\n");
});

test("the script has less than 3 kB", () => {
  const size = gzipSync(script).length;
  assert.ok(size <= 3_000, `${size} bytes`);
});
