//! The embed in Firefox: what differs between browsers is policies, frames, messages and the keyboard.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Frame } from "puppeteer-core";
import { EmbedFixture, ended, EVIL, heard, output } from "../harness/embed.ts";
import { launchFirefox, whyNoFirefox } from "../harness/firefox.ts";
import { until } from "../harness/until.ts";

const missing = whyNoFirefox();

describe("in Firefox", { skip: missing }, async () => {
  if (missing !== undefined) return;
  const embed = await EmbedFixture.start(launchFirefox);
  after(() => embed.stop());
  const script = `<script src="${embed.url}/embed.js" data-key="${embed.key}"></script>`;

  test("an element becomes a playground that runs, under a policy that allows nothing else", async () => {
    embed.browser.headers = { "content-security-policy": `default-src 'none'; script-src ${embed.url}; frame-src ${embed.url}; require-trusted-types-for 'script'` };
    try {
      const lesson = await embed.open(`<head>${script}</head><body><pre data-docle data-check="Hello">\nprint("Hello")\n</pre>`);
      const frame = await lesson.frame();
      await frame.click(".btn.primary");
      await ended(frame, "Passed");
      assert.equal(await output(frame), "Hello\n");
      assert.deepEqual(lesson.console, []);
    } finally {
      embed.browser.headers = {};
    }
  });

  test("a page of another domain shows no playground, and hears of it", async () => {
    const lesson = await embed.open(`<pre data-docle data-loading="eager">\nprint(1)\n</pre><script>document.querySelector("pre").addEventListener("error", ({ detail }) => (window.refused = detail.error.code));</script>${script}`, EVIL);
    await lesson.page.waitForFunction("window.refused !== undefined");
    assert.equal(await lesson.page.evaluate("refused"), "unreachable");
    assert.match(await lesson.page.$eval("pre", (element) => element.textContent ?? ""), /print\(1\)/);
  });

  test("a page and its frame hear each other, and no other window", async () => {
    const lesson = await embed.openFrame({ code: "print(1)" });
    const frame = await lesson.frame();
    await frame.evaluate(`window.postMessage({ type: "docle-set-code", code: "print('stolen')" }, "*")`);
    await lesson.page.evaluate(`document.querySelector("iframe").contentWindow.postMessage({ type: "docle-run" }, "*")`);
    await ended(frame, "Success");
    const [result] = await heard(lesson.page, "docle-result");
    assert.equal(result?.data.stdout, "1\n");
  });

  test("HTML of a program is drawn, and has no origin", async () => {
    const program = `print('<h2>Chart</h2><script>document.querySelector("h2").textContent = self.origin</script>')`.replaceAll("<", "&lt;");
    const lesson = await embed.open(`<pre data-docle data-loading="eager" data-output="html">\n${program}\n</pre>${script}`);
    const frame = await lesson.frame();
    await frame.click(".btn.primary");
    await ended(frame, "Success");
    let drawn: Frame | undefined;
    await until("what is drawn", async () => {
      drawn = lesson.page.frames().find((one) => one.url().includes("/embed/output-"));
      return drawn !== undefined && (await drawn.$eval("h2", (element) => element.textContent).catch(() => "")) === "null";
    });
  });

  test("a keyboard is enough: Ctrl+Enter runs, Escape and Tab leave the editor", async () => {
    const lesson = await embed.openFrame({ code: "print(1)" });
    const frame = await lesson.frame();
    await frame.click(".cm-content");
    await lesson.page.keyboard.down("Control");
    await lesson.page.keyboard.press("Enter");
    await lesson.page.keyboard.up("Control");
    await ended(frame, "Success");
    await frame.focus(".cm-content");
    await lesson.page.keyboard.press("Escape");
    await lesson.page.keyboard.press("Tab");
    assert.equal(await frame.evaluate("document.activeElement.className"), "out");
  });
});
