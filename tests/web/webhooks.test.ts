//! Webhooks on the website: the secret that is shown once, its rotation and end, and what was delivered.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json } from "../harness/platform.ts";
import { Receiver } from "../harness/receiver.ts";
import { press, shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
const receiver = await Receiver.start();
after(async () => {
  receiver.stop();
  await site.stop();
});

const tab = (project: string) => `/projects/${project}?tab=webhooks`;
/** Starts a run whose end is reported to a path of the receiver. */
const detach = async (key: string, path: string): Promise<string> => (await json(202, await site.docle.run(key, {}, { lang: "python", code: "print(1)", detach: true, webhook: { url: receiver.url(path) } }))).id;
const closed = (page: Page) => until("no dialog", async () => (await page.$("[role=dialog], [role=alertdialog]")) === null);
/** Answers the state of the webhooks with what a service says that has switched them off. */
async function switchesOff(page: Page): Promise<void> {
  await page.setRequestInterception(true);
  const state = { created_at: "2026-01-01T00:00:00Z", previous_until: null, disabled_at: "2026-01-09T00:00:00Z" };
  page.on("request", (request) => void (request.method() === "GET" && request.url().endsWith("/webhook-secret") ? request.respond({ status: 200, contentType: "application/json", body: JSON.stringify(state) }) : request.continue()));
}

test("a secret is made, shown once behind a guard, rotated with an overlap, and deleted", async () => {
  const { user, project } = await site.account("secret@example.com");
  const { page, console } = await site.open(tab(project), { user });
  await shows(page, "#main", "No signing secret yet");
  await press(page, "Make secret");
  await shows(page, "[role=dialog]", "Make a signing secret");
  await page.click(".dialog-foot .btn.primary");
  await shows(page, "[data-testid=new-secret]", "whsec_");
  const first = await textOf(page, "[data-testid=new-secret]");
  await page.keyboard.press("Escape");
  await shows(page, "[data-testid=guard]", "Close without copying?");
  await press(page, "Copy and close");
  await closed(page);
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), first);
  assert.ok(!(await page.content()).includes(first));
  await shows(page, ".hook-secret", "made");
  assert.equal(await page.$("[data-testid=overlap]"), null);

  await press(page, "Rotate secret…");
  await shows(page, "[role=dialog]", "signs as well for 24 hours");
  await page.click(".dialog-foot .btn.primary");
  await shows(page, "[data-testid=new-secret]", "whsec_");
  assert.notEqual(await textOf(page, "[data-testid=new-secret]"), first);
  await shows(page, "[role=dialog]", "The secret before it signs as well until");
  await press(page, "I have stored this secret", "checkbox");
  await press(page, "Done");
  await closed(page);
  await shows(page, "[data-testid=overlap]", "signs as well until");
  await press(page, "Rotate secret…");
  await shows(page, "[role=dialog]", "It stops at once when you rotate now.");
  await press(page, "Cancel");
  await closed(page);

  await press(page, "Delete secret…");
  await shows(page, "[role=alertdialog]", "Delete the signing secret?");
  assert.equal(await page.evaluate("document.activeElement.textContent"), "Cancel");
  await page.click(".btn.danger");
  await shows(page, "#main", "No signing secret yet");
  assert.equal((await json(200, await user.call("GET", `/api/projects/${project}/webhook-secret`))).created_at, null);
  assert.deepEqual(console, []);
});

test("a delivery is listed with its attempts, and what waits with its next one", async () => {
  const { user, project } = await site.account("deliveries@example.com");
  const key = await site.key(user, project);
  await json(201, await user.call("POST", `/api/projects/${project}/webhook-secret`));
  const { page } = await site.open(tab(project), { user });
  await shows(page, "#main", "Nothing delivered yet");
  const good = await detach(key, "/good");
  await shows(page, `[data-testid=delivery-${good}]`, "Delivered");
  receiver.replies.push(503, 503, 503);
  const bad = await detach(key, "/bad");
  await until("its first attempt", async () => receiver.at("/bad").length > 0, 30);
  await press(page, "Refresh");
  await shows(page, `[data-testid=delivery-${bad}]`, "Answered 503");
  await shows(page, `[data-testid=delivery-${bad}]`, "Waiting");
  assert.match(await textOf(page, `[data-testid=delivery-${bad}]`), /In \d+ (s|min)/);
  await page.focus(`[data-testid=delivery-${good}] button`);
  await page.keyboard.press("Enter");
  await shows(page, ".hook-attempts", "Answered 204");
  await shows(page, ".hook-attempts", good);
  assert.equal(await page.$eval(`[data-testid=delivery-${good}] button`, (button) => button.getAttribute("aria-expanded")), "true");
  await page.click(`[data-testid=delivery-${good}] a`);
  await shows(page, "[data-testid=run-drawer]", "Success");
});

test("webhooks that are switched off say so, with the way to switch them on", async () => {
  const { user, project } = await site.account("off@example.com");
  const { page } = await site.open("/", { user });
  await switchesOff(page);
  await page.goto(site.url + tab(project));
  await shows(page, ".hook-off", "Webhooks are switched off since 9 Jan");
  await press(page, "Rotate and switch on…");
  await page.locator(".dialog-foot .btn.primary").click();
  await shows(page, "[data-testid=new-secret]", "whsec_");
  assert.equal((await json(200, await user.call("GET", `/api/projects/${project}/webhook-secret`))).disabled_at, null);
});

test("axe finds nothing on the page of webhooks, in its list and in its dialogs", async () => {
  const { user, project } = await site.account("axe@example.com");
  const key = await site.key(user, project);
  await json(201, await user.call("POST", `/api/projects/${project}/webhook-secret`));
  const run = await detach(key, "/axe");
  await until("the report", async () => (await json(200, await user.call("GET", `/api/projects/${project}/webhook-deliveries`))).deliveries[0]?.state === "delivered", 30);
  for (const theme of ["dark", "light"]) {
    for (const width of [390, 1_280]) {
      const { page } = await site.open(tab(project), { user, theme, width });
      await shows(page, "#main", "Delivered");
      await page.locator(width === 390 ? ".hook-item" : `[data-testid=delivery-${run}] button`).click();
      await shows(page, "#main", "Answered 204");
      assert.deepEqual(await violations(page), []);
      await press(page, "Rotate secret…");
      await shows(page, "[role=dialog]", "Rotate the signing secret");
      assert.deepEqual(await violations(page), []);
    }
    const { page: off } = await site.open("/", { user, theme });
    await switchesOff(off);
    await off.goto(site.url + tab(project));
    await shows(off, ".hook-off", "switched off");
    assert.deepEqual(await violations(off), []);
  }
  const { page: narrow } = await site.open(tab(project), { user, width: 320 });
  await shows(narrow, "#main", "Delivered");
  assert.equal(await narrow.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
});
