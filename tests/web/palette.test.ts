//! The command palette and the keys of places, in a real browser.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "puppeteer-core";
import { shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";
import { docsEntries, pieces, PLACES, search } from "../../web/src/features/palette/entries.ts";

const site = await Site.start();
after(() => site.stop());
const PALETTE = "[role=dialog].pal";
const at = (page: Page, path: string) => until(path, () => Promise.resolve(new URL(page.url()).pathname + new URL(page.url()).search === path));
const openPalette = async (page: Page) => {
  await page.keyboard.down("Control");
  await page.keyboard.press("k");
  await page.keyboard.up("Control");
  await page.waitForSelector(PALETTE);
};

test("the search wants all words, and puts titles that begin with the first one first", () => {
  const entries = ["API keys", "Keys and limits", "Monkeys"].map((title) => ({ group: "Docs", icon: "docs", title }) as const);
  const titles = (query: string) => search(entries, query).map(({ title }) => title);
  assert.deepEqual(titles("key"), ["Keys and limits", "API keys", "Monkeys"]);
  assert.deepEqual(titles("limits KEY"), ["Keys and limits"]);
  assert.deepEqual(titles("(.*"), []);
  assert.deepEqual(pieces("a.b (c)", ".b ("), [{ text: "a", isFound: false }, { text: ".b", isFound: true }, { text: " ", isFound: false }, { text: "(", isFound: true }, { text: "c)", isFound: false }]);
  assert.deepEqual(docsEntries("## Start\n\n* [Runs](/docs/runs.md)\n* [Elsewhere](https://example.com/docs/x.md)\n").map(({ title, path }) => [title, path]), [["Runs", "/docs/runs"]]);
  assert.equal(new Set(PLACES.flatMap(({ keys }) => (keys === undefined ? [] : [keys.join("")]))).size, 6);
});

test("a place is found and opened with the keyboard alone", async () => {
  const { user, project } = await site.account("ada@example.com", "Lesson site");
  const { page, console } = await site.open("/account", { user });
  await shows(page, ".side", "Lesson site");
  await openPalette(page);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.type("usage less");
  await until("one result", async () => (await page.$$(`${PALETTE} [role=option]`)).length === 1);
  await page.keyboard.press("Enter");
  await at(page, `/projects/${project}?tab=usage`);
  await until("its end", async () => (await page.$(PALETTE)) === null);
  await openPalette(page);
  await page.keyboard.type("nothing <b>like</b> this");
  await shows(page, PALETTE, "Nothing is called “nothing <b>like</b> this”.");
  await page.keyboard.press("Escape");
  await until("its end", async () => (await page.$(PALETTE)) === null);
  assert.deepEqual(console, []);
});

test("it changes the theme, and opens a page of the documentation", async () => {
  const { user } = await site.account("docs@example.com");
  const { page } = await site.open("/account", { user });
  await page.waitForSelector(".find");
  await page.click(".find");
  await page.waitForSelector(PALETTE);
  await page.keyboard.type("light theme");
  await until("one result", async () => (await page.$$(`${PALETTE} [role=option]`)).length === 1);
  await page.keyboard.press("Enter");
  await until("the theme", async () => (await page.evaluate("document.documentElement.dataset.theme")) === "light");
  await openPalette(page);
  await page.keyboard.type("interactive");
  await shows(page, PALETTE, "Interactive runs and terminals");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(await textOf(page, "h1"), "Interactive runs and terminals");
});

test("two keys lead to a place, and do nothing where one types", async () => {
  const { user } = await site.account("pairs@example.com");
  const { page } = await site.open("/account", { user });
  await shows(page, "#main", "This device");
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await at(page, "/dashboard");
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await at(page, "/snippets");
  await page.goto(`${site.url}/account`);
  await shows(page, "#main", "This device");
  await page.locator("::-p-aria([name=\"Delete account…\"][role=\"button\"])").click();
  await page.waitForSelector("#delete-address");
  await page.keyboard.type("gp");
  assert.equal(new URL(page.url()).pathname, "/account");
});

test("nobody who is not signed in has a palette", async () => {
  const { page } = await site.open("/login");
  await shows(page, "#main", "Email me a link");
  await page.keyboard.down("Control");
  await page.keyboard.press("k");
  await page.keyboard.up("Control");
  assert.equal(await page.$(PALETTE), null);
});
