//! Code of the site that does not arrive: after a deployment, on a network that breaks, and when it comes later.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import type { User } from "../harness/platform.ts";
import { press, shows, Site } from "../harness/site.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
let project: string;
before(async () => ({ user, project } = await site.account("ada@example.com")));

/** Breaks off the first `times` requests for files with a name; answers with how many there were. */
async function breaks(page: Page, name: string, times: number): Promise<() => number> {
  let asked = 0;
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (!request.url().includes(`/assets/${name}`)) return void request.continue();
    asked += 1;
    void (asked <= times ? request.abort("connectionreset") : request.continue());
  });
  return () => asked;
}

/** Sends the browser to a page that loads itself anew. It is another one then, whose end the first may never see. */
const visit = (page: Page, path: string) => page.goto(site.url + path, { waitUntil: "domcontentloaded", timeout: 5_000 }).catch(() => undefined);

test("a page stayed empty when its code did not arrive", async () => {
  const { page } = await site.open("/login", { user });
  const asked = await breaks(page, "DashboardPage", 1);
  await visit(page, "/dashboard");
  await shows(page, "h1", "Runs");
  assert.ok(asked() >= 2);
});

test("a page that does not arrive at all says so, and comes when it is tried again", async () => {
  const { page } = await site.open("/", { user });
  await shows(page, "#main", "Run your first program");
  const asked = await breaks(page, "SnippetsPage", 1_000);
  await visit(page, "/snippets");
  await shows(page, "[role=alert]", "This part of the site could not be loaded");
  assert.ok(asked() >= 2, "it was loaded anew before");
  page.removeAllListeners("request");
  page.on("request", (request) => void request.continue());
  await press(page, "Try again");
  await shows(page, "#main", "embed.js");
});

test("a tab of a project and the editor are asked for again, with the page", async () => {
  const { page } = await site.open("/login", { user });
  const asked = await breaks(page, "SettingsTab", 1);
  await visit(page, `/projects/${project}?tab=settings`);
  await shows(page, "#main", "Privacy");
  assert.equal(asked(), 2);
  const { page: playground } = await site.open("/login", { user });
  const editors = await breaks(playground, "editor", 1);
  await visit(playground, "/playground");
  await playground.waitForSelector(".cm-content");
  assert.equal(editors(), 2);
});
