//! Every screen in both themes and on small and large displays: what axe finds, what lies beyond the edge, and how much is loaded.

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { after, before, test } from "node:test";
import { json, type User } from "../harness/platform.ts";
import { press, shows, Site, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
let project: string;
before(async () => {
  ({ user, project } = await site.account("ada@example.com"));
  const key = await site.key(user, project, { name: "Production API" });
  await site.key(user, project, { name: "Lesson embeds", type: "publishable", allowedDomains: ["learn.example.com"] });
  await site.docle.run(key, {}, { lang: "python", code: "print(1)" });
  await site.docle.run(key, {}, { lang: "python", code: "raise ValueError('no')" });
  await json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: project, name: "Support bot flow", description: "Answers from the FAQ, with tests" }));
  await until("the counts", async () => (await json(200, await user.call("GET", `/api/projects/${project}/usage`))).total_runs === 2, 30);
});

const screens: [name: string, path: () => string, text: string, isPublic?: boolean][] = [
  ["sign in", () => "/login", "Email me a link", true],
  ["not found", () => "/nothing", "This cell is empty", true],
  ["projects", () => "/", "Latest runs"],
  ["keys", () => `/projects/${project}`, "Production API"],
  ["usage", () => `/projects/${project}?tab=usage`, "History"],
  ["settings", () => `/projects/${project}?tab=settings`, "Privacy"],
  ["runs", () => "/dashboard", "History"],
  ["snippets", () => "/snippets", "embed.js"],
  ["account", () => "/account", "This device"],
  ["sandboxes", () => "/sandboxes", "Support bot flow"],
  ["playground", () => "/playground", "Not run yet"],
  ["many files", () => "/playground/advanced", "Not run yet"],
  ["together", () => "/playground/collab", "Write and run one program together"],
];

for (const [name, path, text, isPublic] of screens) {
  for (const theme of ["dark", "light"]) {
    for (const width of [390, 1280]) {
      test(`axe finds nothing on the screen ${name} in ${theme} at ${width} px`, async () => {
        const { page } = await site.open(path(), { theme, width, ...(isPublic ? {} : { user }) });
        await shows(page, "#main", text);
        if (["playground", "many files"].includes(name)) await page.waitForSelector(".cm-content");
        assert.deepEqual(await violations(page), []);
        assert.equal(await page.evaluate("document.documentElement.dataset.theme"), theme);
      });
    }
  }
  for (const width of [320, 900, 2560]) {
    test(`nothing of the screen ${name} lies beyond the edge at ${width} px`, async () => {
      const { page } = await site.open(path(), { width, ...(isPublic ? {} : { user }) });
      await shows(page, "#main", text);
      const wide = "Math.max(document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth - document.querySelector('#main').clientWidth + innerWidth) <= innerWidth";
      assert.equal(await page.evaluate(wide), true);
    });
  }
}

test("axe finds nothing in dialogs, menu and drawer", async () => {
  for (const theme of ["dark", "light"]) {
    const { page } = await site.open(`/projects/${project}`, { user, theme });
    await shows(page, "#main", "Production API");
    await page.keyboard.press("c");
    await shows(page, "[role=dialog]", "Create a key");
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");
    await until("no dialog", async () => (await page.$("[role=dialog]")) === null);
    await press(page, "Actions for Production API");
    await page.waitForSelector("[role=menu]");
    assert.deepEqual(await violations(page), []);
    await page.goto(`${site.url}/projects/${project}?tab=usage`);
    await shows(page, "#main", "History");
    await page.locator("table.hist a").click();
    await shows(page, "[data-testid=run-drawer]", "Program");
    assert.deepEqual(await violations(page), []);
  }
});

test("axe was asked while the colours of a button were halfway between two themes", async () => {
  const { page } = await site.open(`/projects/${project}`, { user });
  await shows(page, "#main", "Production API");
  const halfway = "document.getAnimations().forEach((one) => { one.pause(); one.currentTime = one.effect.getComputedTiming().endTime * 0.4; })";
  await page.evaluate(`document.documentElement.style.setProperty("--t-fast", "60s"); document.documentElement.dataset.theme = "light"; ${halfway}`);
  assert.notEqual(await page.evaluate("document.getAnimations().length"), 0);
  assert.deepEqual(await violations(page), []);
});

/** What a page has loaded, by address; each with its size after compression. */
async function loaded(path: string, text: string): Promise<Map<string, number>> {
  const { page } = await site.open(path, { user });
  await shows(page, "#main", text);
  const urls = (await page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")) as string[];
  const files = urls.filter((url) => /\.(js|css)$/.test(new URL(url).pathname));
  assert.deepEqual(urls.filter((url) => new URL(url).origin !== site.url), [], "nothing comes from another site");
  const size = async (url: string) => gzipSync(Buffer.from(await (await site.docle.fetch(new URL(url).pathname)).arrayBuffer())).length;
  return new Map(await Promise.all(files.map(async (url) => [url, await size(url)] as const)));
}

test("the first page and the playground keep their budgets, and load nothing of others", async () => {
  const first = await loaded("/", "Latest runs");
  const sum = (files: Map<string, number>, end: string) => Array.from(files).reduce((total, [url, bytes]) => total + (url.endsWith(end) ? bytes : 0), 0);
  assert.ok(sum(first, ".js") > 20_000 && sum(first, ".js") <= 90_000, `${sum(first, ".js")} bytes of scripts for the first page`);
  assert.ok(sum(first, ".css") <= 15_000, `${sum(first, ".css")} bytes of styles`);
  const playground = await loaded("/playground", "Not run yet");
  const added = new Map(Array.from(playground).filter(([url]) => !first.has(url)));
  assert.ok(sum(added, ".js") <= 190_000, `${sum(added, ".js")} bytes of scripts on top for the playground`);
});

test("the theme is kept, and applied before the first paint", async () => {
  const { page } = await site.open("/", { user });
  await shows(page, "#main", "Latest runs");
  await page.click(".me");
  await press(page, "Light", "menuitem");
  assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "light");
  await page.reload({ waitUntil: "domcontentloaded" });
  assert.equal(await page.evaluate("getComputedStyle(document.documentElement).colorScheme"), "light");
});

test("the site works where storage is forbidden", async () => {
  const { page, console } = await site.open("/login", { user });
  await page.evaluateOnNewDocument("Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })");
  await page.goto(`${site.url}/playground`);
  await page.waitForSelector(".cm-content");
  await page.click("[data-testid=run]");
  await shows(page, "[data-testid=result-line]", "Success");
  assert.deepEqual(console.filter((line) => !line.includes("forbidden")), []);
});

test("a service that does not answer is said with a way to try again", async () => {
  const { page } = await site.open("/login", { user });
  await page.setRequestInterception(true);
  let isDown = true;
  page.on("request", (request) => void (isDown && request.url().endsWith("/keys?limit=100") ? request.respond({ status: 500, contentType: "application/problem+json", body: '{"code":"internal","message":"x","requestId":"r-1"}' }) : request.continue()));
  await page.goto(`${site.url}/projects/${project}`);
  await shows(page, "[role=alert]", "The keys could not be loaded");
  await shows(page, "[role=alert]", "r-1");
  isDown = false;
  await press(page, "Try again");
  await shows(page, "#main", "Production API");
});
