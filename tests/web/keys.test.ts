//! The settings of keys on the website: a key is edited, one for URLs is made, and what is wrong is said where it is.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json, type User } from "../harness/platform.ts";
import { press, shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
let project: string;
before(async () => ({ user, project } = await site.account("ada@example.com")));

/** The keys as the API lists them, by name. */
const keyNamed = async (name: string) => (await json(200, await user.call("GET", `/api/projects/${project}/keys`))).apiKeys.find((key: { name: string }) => key.name === name);
const closed = (page: Page) => until("no dialog", async () => (await page.$("[role=dialog]")) === null);
/** Opens the dialog that edits a key. */
async function edit(name: string, width = 1_280, theme = "dark"): Promise<Page> {
  const { page } = await site.open(`/projects/${project}`, { user, width, theme });
  await page.locator(`::-p-aria([name="Actions for ${name}"][role="button"])`).click();
  await press(page, "Edit", "menuitem");
  await shows(page, "[role=dialog]", `Edit “${name}”`);
  return page;
}
async function retype(page: Page, selector: string, text: string): Promise<void> {
  await page.$eval(selector, (field) => (field as unknown as { select(): void }).select());
  await page.type(selector, text);
}

test("a key is edited: name, limit, domains and end, and nothing else is sent", async () => {
  await site.key(user, project, { name: "Staging", allowedDomains: ["old.example.com"] });
  const page = await edit("Staging");
  await retype(page, "#key-name", "Production");
  await press(page, "Custom 1 – 10,000", "radio");
  await retype(page, "#key-rate", "0");
  await shows(page, "#key-rate-wrong", "A whole number from 1 to 10,000");
  await retype(page, "#key-rate", "90");
  await until("no message", async () => (await page.$("#key-rate-wrong")) === null);
  await press(page, "Remove old.example.com");
  await page.type("#key-hosts", "app.example.com *.example.org ");
  await page.select("#key-end", "date");
  await shows(page, "#key-end-wrong", "A day to come");
  await page.$eval("#key-date", (field) => {
    (field as unknown as { value: string }).value = "2100-02-28";
    field.dispatchEvent(new Event("input"));
  });
  const sent = page.waitForRequest((request) => request.method() === "PATCH");
  await press(page, "Save changes");
  assert.deepEqual(Object.keys(JSON.parse((await sent).postData() ?? "{}")).toSorted(), ["allowedDomains", "expiresAt", "name", "rateLimitPerMinute"]);
  await closed(page);
  await shows(page, "table", "Production");
  const { rate_limit_per_minute, allowed_domains, expires_at } = await keyNamed("Production");
  assert.deepEqual([rate_limit_per_minute, allowed_domains, expires_at], [90, ["*.example.org", "app.example.com"], "2100-02-28T23:59:59.000Z"]);
});

test("what a run with a publishable key may use is edited, and it keeps a host", async () => {
  await site.key(user, project, { name: "Lessons", type: "publishable", allowedDomains: ["learn.example.com"], limits: { timeoutMs: 2_500 } });
  const page = await edit("Lessons");
  assert.equal(await page.$eval("#key-time", (field) => (field as unknown as { value: string }).value), "2500", "a time that is no usual choice stays");
  await press(page, "Remove learn.example.com");
  await shows(page, "#key-hosts-wrong", "A publishable key names the hosts of its pages");
  await page.type("#key-hosts", "learn.example.org");
  await page.select("#key-memory", "512");
  await press(page, "Programs may use the network", "checkbox");
  await press(page, "Save changes");
  await closed(page);
  const { limits, allowed_domains } = await keyNamed("Lessons");
  assert.deepEqual([limits.timeoutMs, limits.memoryMB, limits.allowNetwork, limits.allowPackages, allowed_domains], [2_500, 512, true, false, ["learn.example.org"]]);
});

test("changes that nobody has saved are asked for before the dialog closes", async () => {
  await site.key(user, project, { name: "Kept" });
  const page = await edit("Kept");
  await page.keyboard.type("Renamed");
  await page.keyboard.press("Escape");
  await shows(page, "[data-testid=guard]", "Discard your changes?");
  await page.keyboard.press("Enter");
  await until("no question", async () => (await page.$("[data-testid=guard]")) === null);
  await page.keyboard.press("Escape");
  await press(page, "Discard");
  await closed(page);
  await shows(page, "table", "Kept");
  assert.equal(await keyNamed("Renamed"), undefined);
});

test("E edits and R rotates the key in whose row the focus is", async () => {
  await site.key(user, project, { name: "Keyboard" });
  const { page } = await site.open(`/projects/${project}`, { user });
  const focus = () => page.locator('::-p-aria([name="Actions for Keyboard"][role="button"])').map((button) => void (button as unknown as { focus(): void }).focus()).wait();
  await focus();
  await page.keyboard.press("e");
  await shows(page, "[role=dialog]", "Edit “Keyboard”");
  assert.equal(await page.evaluate("document.activeElement.id"), "key-name");
  await page.keyboard.press("Escape");
  await closed(page);
  await focus();
  await page.keyboard.press("r");
  await shows(page, "[role=dialog]", "Rotate “Keyboard”");
});

test("a menu took the focus back out of the dialog that it had opened", async () => {
  await site.key(user, project, { name: "Focus" });
  const { page } = await site.open(`/projects/${project}`, { user });
  await press(page, "Actions for Focus");
  await page.waitForSelector("[role=menu]");
  // Every place that the focus goes to from the choice on.
  await page.evaluate("window.places = []; document.addEventListener('focusin', ({ target }) => window.places.push(target.id || target.ariaLabel || target.textContent))");
  await press(page, "Revoke…", "menuitem");
  await shows(page, "[role=alertdialog]", "Revoke “Focus”?");
  await page.type("#revoke-name", "Focus");
  await until("what is typed", async () => (await page.$eval("#revoke-name", (field) => (field as unknown as { value: string }).value)) === "Focus");
  const places = (await page.evaluate("window.places")) as string[];
  assert.ok(places.indexOf("Actions for Focus") < places.indexOf("revoke-name") && places.lastIndexOf("Actions for Focus") < places.indexOf("revoke-name"), places.join(", "));
  await page.keyboard.press("Escape");
  await closed(page);
  await until("the focus where it was", async () => (await page.evaluate("document.activeElement.ariaLabel")) === "Actions for Focus");
});

test("a key that was revoked meanwhile is gone from the list, and a refusal stands at its field", async () => {
  await site.key(user, project, { name: "Gone" });
  const page = await edit("Gone");
  const { id } = await keyNamed("Gone");
  await page.setRequestInterception(true);
  let refusals = 1;
  page.on("request", (request) => {
    if (request.method() !== "PATCH" || refusals-- <= 0) return void request.continue();
    const body = { code: "invalid_request", message: "x", requestId: "r-1", errors: [{ field: "name", message: "is taken" }] };
    void request.respond({ status: 400, contentType: "application/problem+json", body: JSON.stringify(body) });
  });
  await retype(page, "#key-name", "Other");
  await press(page, "Save changes");
  await shows(page, "#key-name-wrong", "Is taken");
  assert.equal((await user.call("DELETE", `/api/keys/${id}`)).status < 300, true);
  await press(page, "Save changes");
  await shows(page, ".toasts", "This key was revoked, for good.");
  await shows(page, "table", "1 revoked or expired");
});

test("a key for URLs has an end and a low limit, and runs a program from a URL", async () => {
  const { page } = await site.open(`/projects/${project}`, { user });
  await press(page, "Create key");
  await press(page, "1,000 Batches", "radio");
  await page.click("[data-testid=in-url]");
  await shows(page, "[role=dialog]", "URLs end up in logs");
  const ends = await page.$$eval("#key-end option", (options) => options.map((option) => (option as unknown as { value: string }).value));
  assert.deepEqual(ends, ["30", "90", "date"]);
  await retype(page, "#key-name", "Old client");
  await page.click(".dialog-foot .btn.primary");
  await shows(page, "[data-testid=new-key]", "sk_live_");
  const key = await textOf(page, "[data-testid=new-key]");
  const made = await keyNamed("Old client");
  assert.deepEqual([made.allow_in_url, made.rate_limit_per_minute, typeof made.expires_at], [true, 60, "string"]);
  const ran = await site.docle.send(`/k/${key}/compat/piston/api/v2/execute`, { language: "python", version: "*", files: [{ content: "print(6 * 7)" }] });
  assert.equal((await json(200, ran)).run.stdout, "42\n");
});

test("axe finds nothing in the dialogs of keys", async () => {
  await site.key(user, project, { name: "Looked at", type: "publishable", allowedDomains: ["learn.example.com"] });
  for (const theme of ["dark", "light"]) {
    for (const width of [390, 1_280]) {
      const page = await edit("Looked at", width, theme);
      assert.deepEqual(await violations(page), []);
      await page.select("#key-end", "date");
      await shows(page, "#key-end-wrong", "A day to come");
      assert.deepEqual(await violations(page), []);
    }
  }
});
