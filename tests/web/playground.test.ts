//! The playground of the website: programs that run, stream, read, stop, and are shared.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json, type User } from "../harness/platform.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
before(async () => ({ user } = await site.account("ada@example.com")));

const LINE = "[data-testid=result-line]";
const OUTPUT = "[data-testid=output]";

/** Opens the playground with a program. */
async function open(program: Record<string, unknown>): Promise<{ page: Page; console: string[] }> {
  const opened = await site.open("/login", { user });
  await opened.page.evaluate((text) => localStorage.setItem("docle.playground", text), JSON.stringify({ lang: "python", ...program }));
  await opened.page.goto(`${site.url}/playground`);
  await opened.page.waitForSelector("[data-testid=editor] .cm-content");
  return opened;
}
const run = (page: Page) => page.click("[data-testid=run]");

test("a program runs without a key of one's own, reads its input, and its end is told", async () => {
  const { page, console } = await open({ code: "print('Hello, ' + input())\nprint('bad', file=__import__('sys').stderr)", stdin: "Ada\n" });
  await run(page);
  await shows(page, LINE, "Success");
  await shows(page, OUTPUT, "Hello, Ada");
  assert.equal((await textOf(page, `${OUTPUT} .stderr`)).trim(), "bad");
  assert.match(await textOf(page, LINE), /exit 0.*ms.*MB.*cpu/);
  await shows(page, "[aria-live=polite].sr", "Success, exit code 0");
  assert.deepEqual(console, []);
});

test("output is shown while the program writes it, and Stop ends it with a result", async () => {
  const code = "import time\nprint('first', flush=True)\nwhile True: time.sleep(0.1)";
  const { page } = await open({ code, timeoutMs: 30_000 });
  await run(page);
  await shows(page, OUTPUT, "first");
  await shows(page, LINE, "Running");
  await page.click("[data-testid=stop]");
  await shows(page, LINE, "Cancelled");
  assert.equal(await textOf(page, OUTPUT), "first\n", "what came stays");
  await until("no program runs", async () => (await page.$("[data-testid=run]")) !== null);

  await page.focus("[data-testid=editor] .cm-content");
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
  await shows(page, LINE, "Running");
  await page.keyboard.down("Control");
  await page.keyboard.press(".");
  await page.keyboard.up("Control");
  await shows(page, LINE, "Cancelled");
});

test("arguments, environment and limits go with the program", async () => {
  const code = "import os, sys\nprint(sys.argv[1:], os.environ['GREETING'])\nwhile True: pass";
  const { page } = await open({ code, args: "--from\na b", env: "GREETING=good = day", timeoutMs: 1_000 });
  await run(page);
  await shows(page, LINE, "Timed out");
  await shows(page, OUTPUT, "['--from', 'a b'] good = day");
  await shows(page, ".out-note", "Raise the time limit");
});

test("an error leads to its line", async () => {
  const { page } = await open({ code: "x = 1\n\nprint(y)\n" });
  await run(page);
  await shows(page, LINE, "Error");
  await shows(page, ".lens", "NameError: name 'y' is not defined");
  await page.locator("::-p-text(Go to line 3)").click();
  await until("the caret", async () => (await textOf(page, ".cm-activeLine")).startsWith("print(y)"));
  await page.keyboard.type("# edited\n");
  await until("no message any more", async () => (await page.$(".lens")) === null);
});

test("what cannot run is said in words, and a wrong variable by its line", async () => {
  const { page } = await open({ code: "print(1)", env: "no variable" });
  await run(page);
  await shows(page, LINE, "“no variable” is no variable");
});

test("the last runs stay in this browser, without values of the environment, and come back", async () => {
  const { page } = await open({ code: "print('once')", env: "SECRET=hush" });
  await run(page);
  await shows(page, LINE, "Success");
  const kept = (await page.evaluate("localStorage.getItem('docle.history')")) as string;
  assert.ok(kept.includes("print('once')") && !kept.includes("hush"), kept);
  assert.ok(!/rt_[0-9A-Za-z]|sk_live/.test((await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")) as string), "no token is kept");
  await page.focus(".cm-content");
  await page.keyboard.type("# another\n");
  await shows(page, ".pane", "Output of an earlier version.");
  await page.click(".tab-list .tab:last-child");
  await page.click(".past-run");
  await until("the program", async () => (await textOf(page, ".cm-content")) === "print('once')");
});

test("a program is shared by a link that holds it, and no link brings network or values", async () => {
  const { page } = await open({ code: "print('shared')", stdin: "x", env: "SECRET=hush", allowNetwork: true });
  await press(page, "Share");
  await until("the link", () => Promise.resolve(page.url().includes("#z=")));
  const link = (await page.evaluate("navigator.clipboard.readText()")) as string;
  assert.equal(link, page.url());
  const other = await site.docle.signIn("bob@example.com");
  const opened = await site.open(link.slice(site.url.length), { user: other });
  await until("the program", async () => (await textOf(opened.page, ".cm-content")) === "print('shared')");
  const kept = JSON.parse((await opened.page.evaluate("localStorage.getItem('docle.playground')")) as string);
  assert.deepEqual([kept.stdin, kept.env, kept.allowNetwork], ["x", "", false]);
  for (const wrong of ["#z=", "#z=%%%", "#z=AAAA", "#z=q1ZKTixJVbJSAgA"]) {
    const { page: broken } = await site.open(`/playground${wrong}`, { user: other });
    await shows(broken, ".toasts", "The link holds no program.");
  }
});

test("a result is shared by a link, and its program is for those who may see it", async () => {
  const { page } = await open({ code: "print('a result')", stdin: "mine" });
  await run(page);
  await shows(page, LINE, "Success");
  await press(page, "Share");
  await press(page, "Link to this result", "menuitem");
  await shows(page, ".toasts", "The link is copied");
  const link = ((await page.evaluate("navigator.clipboard.readText()")) as string).slice(site.url.length);
  assert.match(link, /^\/playground\?run=[0-9a-f-]{36}$/);
  const { page: again } = await site.open(link, { user });
  await shows(again, OUTPUT, "a result");
  await until("the program", async () => (await textOf(again, ".cm-content")) === "print('a result')");
  const other = await site.docle.signIn("bob@example.com");
  const { page: others } = await site.open(link, { user: other });
  await shows(others, OUTPUT, "a result");
  await shows(others, LINE, "Success");
  assert.ok(!(await textOf(others, ".cm-content")).includes("a result"), "the program is its owner's");
  const { page: gone } = await site.open("/playground?run=93e6c0d5-6708-4be9-aa6d-06b81a39e526", { user });
  await shows(gone, ".toasts", "It ended more than 7 days ago, or was never here.");
});

test("what a program prints is text, whatever it looks like", async () => {
  const code = `print('<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>')\nprint('\\x1b]8;;javascript:window.hacked=1\\x07link\\x1b]8;;\\x07 \\x1b[31mred\\x1b[0m \\x1b]0;title\\x07')`;
  const { page, console } = await open({ code });
  await run(page);
  await shows(page, LINE, "Success");
  await shows(page, OUTPUT, "<script>window.hacked=1</script>");
  assert.equal(await textOf(page, `${OUTPUT} .ansi-red`), "red");
  assert.deepEqual([await page.$(`${OUTPUT} a`), await page.$(`${OUTPUT} img`), await page.evaluate("window.hacked")], [null, null, undefined]);
  assert.ok(!(await page.title()).includes("title"));
  assert.deepEqual(console, []);
});

test("the token of the playground is for this origin", async () => {
  const { projects } = await json(200, await user.call("GET", "/api/projects"));
  const { page } = await open({ code: "print(1)" });
  const asked = page.waitForRequest((request) => request.url().endsWith(`/api/projects/${projects[0].id}/tokens`));
  await run(page);
  const settings = JSON.parse((await asked).postData() ?? "{}");
  assert.equal(settings.origin, site.url);
});

test("Escape, then Tab leaves the editor", async () => {
  const { page } = await open({ code: "pass" });
  await page.focus(".cm-content");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.closest('.cm-editor') === null"), true);
});
