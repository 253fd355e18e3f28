//! The page of a sandbox in both themes and all widths: what axe finds, what lies beyond the edge, the keyboard, and how much is loaded.

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json, type User } from "../harness/platform.ts";
import { press, shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
let id: string;
const api = (path = "") => `/api/v1/sandboxes/${id}${path}`;
before(async () => {
  const account = await site.account("ada@example.com");
  user = account.user;
  ({ id } = await json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: account.project, name: "Support bot flow" })));
  for (const [path, content] of [["app.py", "print(40 + 2)\n"], ["bot/match.py", "def best(text):\n    return text\n"]]) await json(200, await user.call("POST", api("/files"), { operation: "create", file_path: path, content }));
  await json(201, await user.call("POST", api("/snapshots"), { name: "Answers work" }));
  await json(201, await user.call("POST", api("/processes"), { command: "python3 -m http.server 8000", name: "web" }));
});

/** The page with all of its parts. */
async function whole(options: object): Promise<Page> {
  const { page } = await site.open(`/sandbox/${id}`, { user, ...options });
  await page.waitForSelector(".editor.is-front .cm-content, .xterm-rows, .t-tree [role=treeitem]");
  await until("its parts", async () => (await page.$$(".snaps li")).length === 2 && (await page.$(".procs .dot.ok")) !== null && (await page.$(".cm-content")) !== null);
  return page;
}
const beyond = "Math.max(document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth - document.querySelector('#main').clientWidth + innerWidth) <= innerWidth";

for (const theme of ["dark", "light"]) {
  test(`axe finds nothing on the page of a sandbox in ${theme}, wide`, async () => {
    const page = await whole({ theme, width: 1280 });
    await until("the shell", async () => (await textOf(page, ".xterm-rows")).includes("$"));
    assert.deepEqual(await violations(page), []);
    await page.click("[data-testid=run]:not([disabled])");
    await shows(page, "[data-testid=result-line]", "Success");
    await page.locator("[role=tab]::-p-text(Ports)").click();
    assert.deepEqual(await violations(page), []);
    await press(page, "Actions for the snapshot Answers work");
    await page.waitForSelector("[role=menu]");
    assert.deepEqual(await violations(page), []);
    await press(page, "Compare with now", "menuitem");
    await shows(page, "[data-testid=diff]", "Nothing has changed since");
    assert.deepEqual(await violations(page), []);
  });
  test(`axe finds nothing in the parts of a sandbox on a phone in ${theme}`, async () => {
    const page = await whole({ theme, width: 390, height: 844 });
    for (const part of ["Files", "Terminal", "Preview", "Code"]) {
      await press(page, part);
      assert.deepEqual(await violations(page), [], part);
    }
  });
  test(`axe finds nothing in a notebook in ${theme}`, async () => {
    const { page } = await site.open(`/sandbox/${id}?view=notebook`, { user, theme });
    await page.waitForSelector("[data-testid=cell] .cm-content");
    await page.focus(".cm-content");
    await page.keyboard.type("print('out')\nclass T:\n_repr_html_ = lambda self: '<b>bold</b>'\n");
    await page.keyboard.down("Shift");
    await page.keyboard.press("Tab");
    await page.keyboard.up("Shift");
    await page.keyboard.type("T()");
    await press(page, "Run cell 1");
    await page.waitForSelector("[data-testid=result-frame]");
    assert.deepEqual(await violations(page), []);
  });
}

test("axe finds nothing in the dialogs and the menu of the list", async () => {
  for (const theme of ["dark", "light"]) {
    const { page } = await site.open("/sandboxes", { user, theme });
    await shows(page, ".sandboxes", "Support bot flow");
    await page.keyboard.press("c");
    await shows(page, "[role=dialog]", "New sandbox");
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");
    await until("no dialog", async () => (await page.$("[role=dialog]")) === null);
    for (const [item, dialog] of [["Rename", "[role=dialog]"], ["Delete…", "[role=alertdialog]"]] as const) {
      await press(page, "Actions for Support bot flow");
      await page.waitForSelector("[role=menu]");
      assert.deepEqual(await violations(page), []);
      await press(page, item, "menuitem");
      await page.waitForSelector(dialog);
      assert.deepEqual(await violations(page), []);
      await page.keyboard.press("Escape");
      await until("no dialog", async () => (await page.$(dialog)) === null);
    }
  }
});

for (const width of [320, 900, 2560]) {
  test(`nothing of a sandbox and its notebook lies beyond the edge at ${width} px`, async () => {
    const page = await whole({ width });
    assert.equal(await page.evaluate(beyond), true);
    await page.goto(`${site.url}/sandbox/${id}?view=notebook`);
    await page.waitForSelector("[data-testid=cell] .cm-content");
    assert.equal(await page.evaluate(beyond), true);
  });
}

test("a file is made, written, saved and run by keys alone", async () => {
  const page = await whole({ width: 1280 });
  /** Goes on with Tab until something has the focus. */
  const tabTo = async (what: string) => {
    for (let steps = 0; steps < 60; steps += 1) {
      const found = (await page.evaluate("[document.activeElement?.getAttribute('aria-label'), document.activeElement?.textContent, document.activeElement?.getAttribute('data-path')]")) as (string | null)[];
      if (found.some((text) => text?.trim() === what)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab never came to ${what}`);
  };
  await tabTo("New file");
  await page.keyboard.press("Enter");
  await page.waitForSelector("input.tree-name:focus");
  await page.keyboard.type("keys.py");
  await page.keyboard.press("Enter");
  await shows(page, ".etab.is-on", "keys.py");
  await page.waitForSelector(".editor.is-front .cm-content");
  await page.evaluate("document.querySelector('.etab.is-on').focus()");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement?.closest('.editor.is-front') !== null"), true);
  await page.keyboard.type("print('by keys')");
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
  await shows(page, "[data-testid=output]", "by keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement?.closest('.cm-editor') === null"), true);
  await page.focus('[role=treeitem][data-path="keys.py"]');
  await page.keyboard.press("F2");
  await page.waitForSelector("input.tree-name:focus");
  await page.keyboard.press("Escape");
  await page.focus('[role=treeitem][data-path="keys.py"]');
  await page.keyboard.press("Delete");
  await until("it is gone", async () => (await page.$('[role=treeitem][data-path="keys.py"]')) === null);
});

test("the editor of a sandbox keeps its budget, and the terminal comes after it", async () => {
  const { page } = await site.open("/login", { user });
  const seen: string[] = [];
  page.on("request", (request) => seen.push(request.url()));
  // When the editor can be used, the page notes what was asked for until then.
  await page.evaluateOnNewDocument(`
    new MutationObserver((_, observer) => {
      if (document.querySelector(".cm-content") === null) return;
      observer.disconnect();
      window.atEditor = performance.getEntriesByType("resource").map(({ name }) => name);
    }).observe(document, { childList: true, subtree: true });
  `);
  await page.goto(`${site.url}/sandbox/${id}`);
  await until("the shell", async () => (await textOf(page, ".xterm-rows")).includes("$"));
  const urls = (await page.evaluate("window.atEditor")) as string[];
  const size = async (url: string) => gzipSync(Buffer.from(await (await site.docle.fetch(new URL(url).pathname)).arrayBuffer())).length;
  const sum = async (all: string[]) => (await Promise.all(all.map(size))).reduce((total, bytes) => total + bytes, 0);
  const files = (all: string[]) => all.filter((url) => /\.(js|css)$/.test(new URL(url).pathname));
  const bytes = await sum(files(urls));
  assert.ok(bytes > 60_000 && bytes <= 280_000, `${bytes} bytes of scripts and styles until the editor can be used`);
  const terminal = files(seen).filter((url) => /xterm|terminal/i.test(url));
  assert.ok(terminal.length > 0 && terminal.every((url) => !urls.includes(url)), "the terminal is loaded later");
  const later = await sum(terminal);
  assert.ok(later > 60_000 && later <= 90_000, `${later} bytes of the terminal`);
  assert.deepEqual(seen.filter((url) => ![site.url, site.url.replace("http", "ws")].includes(new URL(url).origin) && !url.startsWith("data:")), [], "nothing comes from another site");
});
