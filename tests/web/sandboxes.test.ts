//! The list of sandboxes: made, named, put to sleep, woken and deleted, in all its states.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json, type User } from "../harness/platform.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
let project: string;
before(async () => ({ user, project } = await site.account("ada@example.com")));

const create = async (settings: object) => json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: project, ...settings }));
const status = async (id: string) => (await json(200, await user.call("GET", `/api/v1/sandboxes/${id}`))).status as string;
const row = (id: string) => `[data-testid="sandbox-${id}"]`;
const isGone = (page: Page, selector: string) => until(`no ${selector}`, async () => (await page.$(selector)) === null);

test("an account without sandboxes makes one by keys alone, and comes into it", async () => {
  const { page, console } = await site.open("/snippets", { user });
  await shows(page, "#main", "embed.js");
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await shows(page, "#main", "No sandboxes yet");
  assert.equal(await page.title(), "Sandboxes · Docle");
  await page.keyboard.press("c");
  await shows(page, "[role=dialog]", "New sandbox");
  await page.keyboard.press("Enter");
  await shows(page, "#sandbox-wrong", "A name for the sandbox");
  await page.keyboard.type("Support bot <b>flow</b>");
  await page.keyboard.press("Enter");
  await until("the sandbox", () => /\/sandbox\/sbx_[0-9a-z]+$/.test(page.url()));
  const made = await json(200, await user.call("GET", `/api/v1/sandboxes?project_id=${project}`));
  assert.equal(made.sandboxes[0].name, "Support bot <b>flow</b>");
  assert.deepEqual(console, []);
});

test("a sandbox is listed with its language, state, size and last use, and is named anew", async () => {
  const { id } = await create({ name: "Price scraper", description: "Reads three pages", language: "typescript", runtime_config: { memoryMB: 1_024 } });
  const { page } = await site.open("/sandboxes", { user });
  await shows(page, row(id), "Price scraper");
  await shows(page, row(id), "1,024 MiB");
  for (const text of ["Reads three pages", "JavaScript", "Lesson site", "s ago"]) await shows(page, row(id), text);
  await page.type("[type=search]", "nothing of this name");
  await shows(page, "#main", "No sandboxes with this name");
  await press(page, "Clear filter");
  await page.type("[type=search]", "scraper");
  await until("the filter", async () => (await page.$$(".sandboxes tbody tr")).length === 1);
  await press(page, "Actions for Price scraper");
  await press(page, "Rename", "menuitem");
  await page.waitForSelector("#rename-name");
  await page.$eval("#rename-name", (field) => field.select());
  await page.keyboard.type("Old scraper");
  await page.keyboard.press("Enter");
  await shows(page, row(id), "Old scraper");
});

test("a sandbox is put to sleep and woken from the list", async () => {
  const { id } = await create({ name: "Sleeper" });
  await json(200, await user.call("POST", `/api/v1/sandboxes/${id}/wake`));
  const { page } = await site.open("/sandboxes", { user });
  await shows(page, row(id), "Running");
  await press(page, "Actions for Sleeper");
  await press(page, "Put to sleep", "menuitem");
  await shows(page, row(id), "Sleeping");
  assert.equal(await status(id), "sleeping");
  await press(page, "Actions for Sleeper");
  await press(page, "Wake", "menuitem");
  await shows(page, row(id), "Running");
  assert.equal(await status(id), "running");
});

test("a sandbox is deleted only under its name", async () => {
  const { id } = await create({ name: "Old importer" });
  const { page } = await site.open("/sandboxes", { user });
  await shows(page, row(id), "Old importer");
  await press(page, "Actions for Old importer");
  await press(page, "Delete…", "menuitem");
  await page.waitForSelector("#delete-sandbox");
  await page.type("#delete-sandbox", "Old");
  await page.keyboard.press("Enter");
  assert.equal(await page.$eval("[role=alertdialog] .danger", (button) => button.disabled), true);
  assert.notEqual(await status(id), "deleting");
  await page.type("#delete-sandbox", " importer");
  await page.keyboard.press("Enter");
  await isGone(page, row(id));
  assert.equal((await user.call("GET", `/api/v1/sandboxes/${id}`)).status, 404);
});

test("a list that cannot be loaded says why, and is there after another try", async () => {
  const { page } = await site.open("/login", { user });
  await page.setRequestInterception(true);
  let isDown = true;
  page.on("request", (request) => void (isDown && request.url().includes("/api/v1/sandboxes?") ? request.respond({ status: 500, contentType: "application/problem+json", body: '{"code":"internal","message":"x","requestId":"r-1"}' }) : request.continue()));
  await page.goto(`${site.url}/sandboxes`);
  await shows(page, "[role=alert]", "The sandboxes could not be loaded");
  await shows(page, "[role=alert]", "r-1");
  isDown = false;
  await press(page, "Try again");
  await shows(page, "#main", "Sleeper");
});

test("a list that takes long shows its shape first", async () => {
  const { page } = await site.open("/login", { user });
  await page.setRequestInterception(true);
  let goOn = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  page.on("request", (request) => void (request.url().includes("/api/v1/sandboxes?") ? held.then(() => request.continue()) : request.continue()));
  await page.goto(`${site.url}/sandboxes`);
  await page.waitForSelector("[aria-busy=true] .skeleton-row");
  goOn();
  await shows(page, "#main", "Sleeper");
  await isGone(page, "[aria-busy=true]");
});

test("a session that ended under the list leads to the sign-in and back", async () => {
  const other = await site.account("bob@example.com");
  const { page } = await site.open("/sandboxes", { user: other.user });
  await shows(page, "#main", "No sandboxes yet");
  await json(204, await other.user.call("POST", "/auth/logout")).catch(() => undefined);
  await page.keyboard.press("c");
  await page.type("#sandbox-name", "Late");
  await page.keyboard.press("Enter");
  await until("the sign-in", () => page.url().endsWith("/login?next=/sandboxes"));
});

test("a phone shows the list in two lines", async () => {
  const { page } = await site.open("/sandboxes", { user, width: 390, height: 844 });
  await shows(page, ".m-list", "Sleeper");
  assert.match(await textOf(page, ".m-list"), /Running|Sleeping|Starting/);
  await page.locator(".m-list a").click();
  await until("the sandbox", () => page.url().includes("/sandbox/"));
});
