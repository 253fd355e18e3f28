//! The page of snippets: code that is that of the documentation, and a preview that is the real embed.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());

test("a snippet has the address of this service and the project's publishable key, and is copied whole", async () => {
  const { user, project } = await site.account("ada@example.com");
  const { page, console } = await site.open("/snippets", { user });
  await shows(page, "#main", "This needs a publishable key");
  const key = await site.key(user, project, { name: "Lessons", type: "publishable", allowedDomains: ["learn.example.com"] });
  await page.reload();
  await shows(page, ".step", key);
  const address = await page.evaluate("location.origin");
  await shows(page, ".step", `<script src="${address}/embed.js" data-key="${key}" defer></script>`);
  await until("colours", async () => (await page.$(".step code .tok-tag")) !== null);
  await page.click(".step .code-head button");
  await shows(page, ".step .code-head", "Copied");
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), await textOf(page, ".step code"));
  assert.deepEqual(console, []);
});

test("each way has steps, and none has a place that was not filled", async () => {
  const { user, project } = await site.account("ways@example.com");
  await site.key(user, project, { type: "publishable", allowedDomains: ["learn.example.com"] });
  const { page } = await site.open("/snippets", { user });
  await shows(page, ".step", "embed.js");
  const ways = await page.$$eval(".snip-tabs a", (links) => links.map((link) => link.textContent ?? ""));
  assert.deepEqual(ways, ["Script tag", "iframe", "React", "Vue", "TypeScript", "Python", "curl", "Command line", "Rate limits"]);
  for (const way of ways) {
    await page.locator(`::-p-aria([name="${way}"][role="link"])`).click();
    await until(way, async () => (await textOf(page, ".snip-tabs [aria-current]")) === way);
    const steps = await page.$$eval(".step code", (all) => all.map((one) => one.textContent ?? ""));
    assert.ok(steps.length > 0, way);
    for (const step of steps) assert.doesNotMatch(step, /undefined|localhost:8787|pk_live_…/, way);
    const docs = await page.$eval(".under a.link", (link) => link.getAttribute("href") ?? "");
    assert.equal((await site.docle.fetch(docs.split("#")[0] ?? "", { headers: { accept: "text/html" } })).status, 200, docs);
  }
});

test("the preview is the real frame: it runs a program, and its messages are shown", async () => {
  const { user } = await site.account("preview@example.com");
  const { page, console } = await site.open("/snippets", { user });
  await shows(page, ".events", "docle-set-apikey");
  const frame = await (await page.waitForSelector("[data-testid=preview]"))?.contentFrame();
  assert.ok(frame !== null && frame !== undefined);
  await frame.locator("button ::-p-text(Run)").click();
  await until("the output", async () => (await frame.$eval("body", (body) => body.textContent ?? "")).includes("3 x 7 = 21"));
  await shows(page, ".events", "docle-result");
  assert.doesNotMatch(await textOf(page, ".events"), /rt_/, "no token is shown");
  assert.deepEqual(console, []);
});
