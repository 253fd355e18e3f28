//! The playground and programs that listen: what is typed while they run, and terminals.

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

const LINE = "[data-testid=result-line]";
const OUTPUT = "[data-testid=output]";

/** Opens the playground with a program. */
async function open(program: Record<string, unknown>, options: { theme?: string; width?: number } = {}): Promise<{ page: Page; console: string[] }> {
  const opened = await site.open("/login", { user, ...options });
  await opened.page.evaluate((text) => localStorage.setItem("docle.playground", text), JSON.stringify({ lang: "python", ...program }));
  await opened.page.goto(`${site.url}/playground`);
  await opened.page.waitForSelector("[data-testid=editor] .cm-content");
  return opened;
}
const run = (page: Page) => page.click("[data-testid=run]");
const ASKS = "name = input('Name? ')\nprint('Hello ' + name)\nimport sys\nprint(len(sys.stdin.read()))";
/** What the terminal shows, as screen readers read it. */
const screen = (page: Page) => textOf(page, "[data-testid=terminal] .xterm-accessibility");

test("a program hears what is typed while it runs, line by line, and that the input ends", async () => {
  const { page, console } = await open({ code: ASKS });
  await page.click(".tab-list .tab:nth-child(2)");
  await press(page, "Typed while it runs", "radio");
  await run(page);
  await shows(page, OUTPUT, "Name? ");
  await shows(page, LINE, "of 1 min");
  assert.equal(await page.evaluate("document.activeElement.dataset.testid"), "type", "the focus was on Run");
  await page.keyboard.type("Ada");
  await page.keyboard.press("Enter");
  await shows(page, OUTPUT, "Name? Ada\nHello Ada");
  assert.equal(await textOf(page, `${OUTPUT} .typed`), "Ada\n");
  await page.keyboard.type("four");
  await page.keyboard.press("Enter");
  await press(page, "End input");
  await shows(page, LINE, "Success");
  await shows(page, OUTPUT, "Hello Ada\nfour\n5");
  assert.equal(await page.$("[data-testid=type]"), null);
  assert.deepEqual(console, []);
});

test("the text is read before what is typed, and Stop ends a program that waits", async () => {
  const { page } = await open({ code: "print(input() + input('then '))", input: "typed", stdin: "first \n", timeoutMs: 60_000 });
  await run(page);
  await shows(page, OUTPUT, "then ");
  await page.keyboard.type("second");
  await page.keyboard.press("Enter");
  await shows(page, OUTPUT, "first second");
  await shows(page, LINE, "Success");
  await run(page);
  await page.waitForSelector("[data-testid=type]");
  await page.click("[data-testid=stop]");
  await shows(page, LINE, "Cancelled");
});

test("where no socket opens, the program runs without what is typed", async () => {
  const { page } = await open({ code: "print('ran', input())", input: "typed", stdin: "text\n", timeoutMs: 60_000 });
  await page.evaluate("window.WebSocket = class extends EventTarget { constructor() { super(); setTimeout(() => this.dispatchEvent(new CloseEvent('close', { code: 1006 }))); } close() {} send() {} }");
  await run(page);
  await shows(page, LINE, "Success");
  await shows(page, OUTPUT, "ran text");
});

test("a connection that breaks is said, and so is a refusal in the middle", async () => {
  const { page } = await open({ code: "input()", input: "typed", timeoutMs: 60_000 });
  await page.evaluate("window.sockets = []; window.WebSocket = class extends window.WebSocket { constructor(...all) { super(...all); window.sockets.push(this); } }");
  await run(page);
  await page.waitForSelector("[data-testid=type]");
  await page.evaluate("window.sockets[0].close()");
  await shows(page, LINE, "The connection broke. It may still be running.");
  await page.evaluate("localStorage.setItem('docle.playground', JSON.stringify({ lang: 'python', code: '1', input: 'typed', packages: '../no' }))");
  await page.reload();
  await page.waitForSelector("[data-testid=run]");
  await run(page);
  await shows(page, LINE, "packages");
});

test("a program has a terminal: its size, its colours, what is typed, and Ctrl+C", async () => {
  const code = "import os, sys\nprint(sys.stdin.isatty(), os.get_terminal_size().columns > 20)\nprint('\\x1b[48;2;255;0;160mtrue colour\\x1b[0m')\nprint('\\x1b[32mgreen\\x1b[0m', input('Name? '))\ntry:\n    print('waiting')\n    while True: pass\nexcept KeyboardInterrupt:\n    print('stopped')";
  const { page, console } = await open({ code, input: "terminal", timeoutMs: 60_000 });
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await run(page);
  await until("the question", async () => (await screen(page)).includes("Name? "), 30);
  assert.ok((await screen(page)).includes("True True"));
  const backgrounds = "Array.from(document.querySelectorAll('.xterm-rows span'), (span) => getComputedStyle(span).backgroundColor)";
  await until("the colour", async () => ((await page.evaluate(backgrounds)) as string[]).includes("rgb(255, 0, 160)"));
  await page.keyboard.type("Ada\r");
  await until("the answer", async () => (await screen(page)).includes("green Ada"));
  await until("the loop", async () => (await screen(page)).includes("waiting"));
  await page.keyboard.down("Control");
  await page.keyboard.press("c");
  await page.keyboard.up("Control");
  await shows(page, LINE, "Success");
  await until("its end", async () => (await screen(page)).includes("stopped"));
  await page.focus("[data-testid=terminal] textarea");
  await page.keyboard.press("F6");
  assert.equal(await page.evaluate("document.activeElement.role ?? document.activeElement.getAttribute('role')"), "tab");
  await press(page, "Copy output");
  assert.match((await page.evaluate("navigator.clipboard.readText()")) as string, /^True True\ntrue colour\nName\? Ada\ngreen Ada\nwaiting\n\^Cstopped$/);
  assert.deepEqual(console, []);
});

test("the code of terminals is loaded with the first one", async () => {
  const { page } = await open({ code: "print(1)" });
  const loaded = async () => ((await page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name).join()")) as string).includes("TerminalPane");
  await run(page);
  await shows(page, LINE, "Success");
  assert.equal(await loaded(), false);
  await page.click(".tab-list .tab:nth-child(2)");
  await press(page, "Terminal", "radio");
  await run(page);
  await until("the code", loaded);
  await until("what it printed", async () => (await screen(page)).includes("1"));
});

test("axe finds nothing while a program listens, at a terminal, and at the choice of the input", async () => {
  for (const theme of ["dark", "light"]) {
    for (const width of [390, 1_280]) {
      const { page } = await open({ code: ASKS, input: "typed", timeoutMs: 60_000 }, { theme, width });
      await run(page);
      await page.waitForSelector("[data-testid=type]");
      assert.deepEqual(await violations(page), []);
      await page.click("[data-testid=stop]");
      await shows(page, LINE, "Cancelled");
      await page.click(width === 390 ? ".mtabs button:last-child" : ".tab-list .tab:nth-child(2)");
      await press(page, "Terminal", "radio");
      assert.deepEqual(await violations(page), []);
      await run(page);
      await until("the question", async () => (await screen(page)).includes("Name? "), 30);
      assert.deepEqual(await violations(page), []);
    }
  }
});
