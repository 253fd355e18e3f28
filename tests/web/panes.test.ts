//! The playgrounds' panes, templates, and links to each other: their widths by keys and by pointer, phones, and programs that wait.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import type { User } from "../harness/platform.ts";
import { press, shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
before(async () => ({ user } = await site.account("ada@example.com")));

const code = (page: Page) => textOf(page, ".cm-content");
const width = (page: Page, selector: string) => page.$eval(selector, (pane) => Math.round(pane.getBoundingClientRect().width));

test("the panes are resized by keys, keep their width, and go back with a double click", async () => {
  for (const [path, handle, pane, grows] of [["/playground", "run", ".t-side", "ArrowLeft"], ["/playground/advanced", "files", ".t-tree", "ArrowRight"], ["/playground/advanced", "many-run", ".t-side", "ArrowLeft"]] as const) {
    const { page } = await site.open(path, { user });
    await page.waitForSelector(`[data-testid=handle-${handle}]`);
    const before = await width(page, pane);
    await page.focus(`[data-testid=handle-${handle}]`);
    await page.keyboard.press("Home");
    assert.equal(await width(page, pane), 240, `${path} ${handle}`);
    await page.keyboard.press(grows);
    assert.equal(await width(page, pane), 256);
    assert.equal(await page.$eval(`[data-testid=handle-${handle}]`, (bar) => bar.getAttribute("aria-valuenow")), "256");
    await page.reload();
    await page.waitForSelector(`[data-testid=handle-${handle}]`);
    assert.equal(await width(page, pane), 256, "it stays");
    await page.click(`[data-testid=handle-${handle}]`, { count: 2 });
    assert.equal(await width(page, pane), before);
  }
});

test("a pane follows the pointer, and leaves room for the others", async () => {
  const { page } = await site.open("/playground", { user });
  await page.waitForSelector("[data-testid=handle-run]");
  const { x, y } = await page.$eval("[data-testid=handle-run]", (bar) => ({ x: bar.getBoundingClientRect().x + 4, y: bar.getBoundingClientRect().y + 200 }));
  const before = await width(page, ".t-side");
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x - 100, y, { steps: 4 });
  assert.ok(Math.abs((await width(page, ".t-side")) - before - 100) <= 6);
  await page.mouse.move(10, y, { steps: 4 });
  await page.mouse.up();
  assert.equal(await width(page, ".t-edit"), 240);
  await page.setViewport({ width: 900, height: 800 });
  await until("room for the program", async () => (await width(page, ".t-edit")) >= 240);
});

test("on a phone a menu leads from one kind of playground to another", async () => {
  const { page } = await site.open("/playground", { user, width: 390 });
  await press(page, "One file");
  await press(page, "Many files", "menuitem");
  await until("many files", () => Promise.resolve(new URL(page.url()).pathname === "/playground/advanced"));
  assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
  await press(page, "Many files");
  await press(page, "Together", "menuitem");
  await shows(page, "#main", "Write and run one program together");
});

test("a template replaces the program, and Undo brings it back", async () => {
  const { page } = await site.open("/login", { user });
  await page.evaluate(`localStorage.setItem("docle.playground", ${JSON.stringify(JSON.stringify({ lang: "python", code: "mine = True" }))})`);
  await page.goto(`${site.url}/playground`);
  await page.waitForSelector(".cm-content");
  await page.click("[data-testid=templates]");
  await shows(page, "[role=dialog]", "Guessing game");
  assert.deepEqual(await violations(page), []);
  await press(page, "Count words Counter");
  await until("the template", async () => (await code(page)).includes("Counter"));
  await page.click("[data-testid=run]");
  await shows(page, "[data-testid=result-line]", "Success");
  await shows(page, "[data-testid=output]", "river");
  await page.click("[data-testid=templates]");
  await press(page, "Guessing game typed");
  await press(page, "Undo");
  await until("the program before", async () => (await code(page)).includes("Counter"));
});

test("a shared link asked nobody before it replaced a program that was kept", async () => {
  const { page: author } = await site.open("/playground", { user });
  await author.waitForSelector(".cm-content");
  await author.evaluate(`localStorage.setItem("docle.playground", ${JSON.stringify(JSON.stringify({ lang: "python", code: "shared = True" }))})`);
  await author.reload();
  await until("the program", async () => (await code(author)) === "shared = True");
  await press(author, "Share");
  await until("the link", () => Promise.resolve(author.url().includes("#z=")));
  const link = author.url();

  const { page } = await site.open("/login", { user });
  await page.evaluate(`localStorage.setItem("docle.playground", ${JSON.stringify(JSON.stringify({ lang: "python", code: "mine = True" }))})`);
  await page.goto(link);
  await shows(page, "[role=dialog]", "Open the shared program?");
  assert.deepEqual(await violations(page), []);
  assert.equal(await code(page), "mine = True");
  await press(page, "Keep mine");
  await until("no dialog", async () => (await page.$("[role=dialog]")) === null);
  await page.reload();
  await page.waitForSelector("[data-testid=take-shared]");
  await page.click("[data-testid=take-shared]");
  await until("the shared program", async () => (await code(page)) === "shared = True");
  await page.reload();
  await until("the shared program", async () => (await code(page)) === "shared = True");
  assert.equal(await page.$("[role=dialog]"), null, "it is the one that is kept now");
});
