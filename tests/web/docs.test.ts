//! The documentation on the site: every page, its links, the search, examples that open in the playground, and what programs get.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { after, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { press, shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";
import { GROUPS, pathOf } from "../../web/docs/contents.ts";

const site = await Site.start();
after(() => site.stop());
const text = async (path: string, accept: string) => {
  const response = await site.docle.fetch(path, { headers: { accept } });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
};
const pages = GROUPS.flatMap(({ pages }) => pages).map(pathOf);

test("a file of docs/ was in no navigation", () => {
  const listed = new Set(GROUPS.flatMap(({ pages }) => pages.map(({ file }) => file)));
  const files = readdirSync(inRoot("docs"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
  assert.ok(files.length > 30);
  assert.deepEqual(files.filter((file) => !listed.has(file)), []);
});

test("every link and anchor between pages leads somewhere", async () => {
  const texts = new Map<string, string>();
  const waiting = ["/docs"];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (texts.has(path)) continue;
    const page = await text(path, "text/html");
    assert.equal(page.status, 200, path);
    texts.set(path, page.text);
    for (const [, href = ""] of page.text.matchAll(/<a[^>]* href="([^"]*)"/g)) {
      const [target = ""] = href.split("#");
      if (/^\/docs($|\/)/.test(target) && !target.endsWith(".md")) waiting.push(target);
    }
  }
  assert.deepEqual(pages.filter((path) => !texts.has(path)), [], "the navigation has every page");
  const broken: string[] = [];
  for (const [path, page] of texts) {
    for (const [, href = ""] of page.matchAll(/<a[^>]* href="([^"]*)"/g)) {
      const [target, anchor] = href.split("#");
      const there = target === "" ? page : texts.get(target ?? "");
      if (there !== undefined && anchor !== undefined && !there.includes(`id="${anchor}"`)) broken.push(`${path}: ${href}`);
    }
    // The page about playgrounds shows `{{code}}`.
    assert.doesNotMatch(page, /\{\{(?!code\}\})\w+\}\}|href="[^"]*\.\.\//, path);
  }
  assert.deepEqual(broken, []);
});

test("programs get every page as Markdown, by its address and by its name", async () => {
  for (const path of pages) {
    const page = await text(`${path}.md`, "*/*");
    assert.deepEqual([page.status, page.type, page.text.startsWith("# ")], [200, "text/markdown; charset=utf-8", true], path);
  }
  const list = await text("/llms.txt", "*/*");
  assert.equal(list.type, "text/plain; charset=utf-8");
  for (const path of pages) assert.ok(list.text.includes(`(${path}.md)`), path);
  assert.equal((await text("/docs/runs", "*/*")).text, (await text("/docs/runs.md", "*/*")).text);
  assert.match((await text("/docs/api.md", "*/*")).text, /\]\(\/docs\/errors/);
});

test("every operation of the API has its fields in the reference", async () => {
  const document = JSON.parse((await text("/openapi.json", "*/*")).text) as { paths: Record<string, Record<string, { tags: string[]; summary: string }>> };
  let count = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { tags, summary }] of Object.entries(methods)) {
      const page = await text(`/docs/api-${tags[0]?.toLowerCase()}.md`, "*/*");
      assert.ok(page.text.includes(`## ${summary}\n\n\`${method.toUpperCase()} ${path}\``), `${method} ${path}`);
      count += 1;
    }
  }
  assert.ok(count > 40);
  const runs = (await text("/docs/api-runs.md", "*/*")).text;
  for (const field of ["| `code` | string", "| `policy.timeoutMs` | integer", "| `usage.cpuMs` | number"]) assert.ok(runs.includes(field), field);
});

test("an error code leads to its heading", async () => {
  const { page } = await site.open("/docs/errors#rate_limit_exceeded");
  assert.equal(await page.$eval(":target", (element) => element.textContent), "rate_limit_exceeded");
});

test("the search finds a part of a page, with the keyboard alone", async () => {
  const { page, console } = await site.open("/docs");
  await page.keyboard.press("/");
  await page.keyboard.type("idempotency");
  await shows(page, ".results", "Idempot");
  await until("the count", async () => /^\d+ results?$/.test(await textOf(page, ".docs-nav [role=status]")));
  await page.keyboard.press("ArrowDown");
  const [opened] = await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(opened?.status(), 200);
  assert.match(page.url(), /\/docs\/.+/);
  await page.keyboard.press("/");
  await page.keyboard.type("zzzz<b>");
  await shows(page, ".results", "Nothing about “zzzz<b>”");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate("document.querySelector('.pages').hidden"), false);
  assert.deepEqual(console, []);
});

test("an example is copied whole, and opens in the playground", async () => {
  const { page, console } = await site.open("/docs/api");
  await press(page, "Copy");
  await shows(page, ".prose", "Copied");
  assert.match(await page.evaluate("navigator.clipboard.readText()") as string, /^curl /);
  const link = await page.$$eval(".prose a[href^='/playground#z=']", (links) => links.map((one) => one.getAttribute("href") ?? ""));
  assert.ok(link.length > 0);
  assert.deepEqual(console, []);
  const { user } = await site.account("reader@example.com");
  const playground = await site.open(link[0] ?? "", { user });
  await playground.page.waitForSelector(".cm-content");
  assert.notEqual(await textOf(playground.page, ".cm-content"), "");
  await playground.page.click("[data-testid=run]");
  await until("an end", async () => (await textOf(playground.page, "[data-testid=result-line]")).includes("exit"));
});

for (const path of ["/docs", "/docs/api", "/docs/api-runs", "/docs/errors"]) {
  for (const theme of ["dark", "light"]) {
    for (const width of [390, 1280]) {
      test(`axe finds nothing on ${path} in ${theme} at ${width} px`, async () => {
        const { page } = await site.open(path, { theme, width });
        assert.deepEqual(await violations(page), []);
      });
    }
  }
  for (const width of [320, 900, 2560]) {
    test(`nothing of ${path} lies beyond the edge at ${width} px`, async () => {
      const { page } = await site.open(path, { width });
      assert.equal(await page.evaluate("Math.max(document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth - document.querySelector('#main').clientWidth + innerWidth) <= innerWidth"), true);
    });
  }
}

test("an example runs in its page for a signed-in user, and leads others to the playground", async () => {
  const { user } = await site.account("runner@example.com");
  const { page } = await site.open("/docs/languages", { user });
  const refused: string[] = [];
  page.on("console", (message) => message.text().includes("Content Security Policy") && refused.push(message.text()));
  await page.click("[data-run]");
  const frame = await (await page.waitForSelector(".run-frame"))?.contentFrame();
  await until("the output", async () => ((await frame?.evaluate("document.body?.textContent ?? \"\"")) as string).includes("Hello, Ada!"), 30);
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(refused, []);
  const { page: stranger } = await site.open("/docs/languages");
  await stranger.click("[data-run]");
  await until("the form", () => Promise.resolve(new URL(stranger.url()).pathname === "/login"));
  assert.match(new URL(stranger.url()).searchParams.get("next") ?? "", /^\/playground#z=/);
});

test("a page of the documentation is small, and loads nothing of others", async () => {
  const { page } = await site.open("/docs/api");
  const urls = (await page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")) as string[];
  assert.deepEqual(urls.filter((url) => new URL(url).origin !== site.url), []);
  const size = async (end: string) => {
    const files = urls.filter((url) => new URL(url).pathname.endsWith(end));
    const sizes = await Promise.all(files.map(async (url) => gzipSync(Buffer.from(await (await site.docle.fetch(new URL(url).pathname)).arrayBuffer())).length));
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  };
  const [scripts, styles] = [await size(".js"), await size(".css")];
  assert.ok(scripts > 0 && scripts <= 6_000, `${scripts} bytes of scripts`);
  assert.ok(styles > 0 && styles <= 8_000, `${styles} bytes of styles`);
});

test("the list of pages opens on a narrow screen", async () => {
  const { page } = await site.open("/docs/runs", { width: 390 });
  assert.equal(await page.evaluate("getComputedStyle(document.querySelector('#pages')).display"), "none");
  await press(page, "Pages of the documentation");
  assert.equal(await page.evaluate("getComputedStyle(document.querySelector('#pages')).display"), "block");
  await Promise.all([page.waitForNavigation(), page.click("#pages a[href='/docs/keys']")]);
  assert.equal(await textOf(page, "h1"), "Projects and keys");
});
