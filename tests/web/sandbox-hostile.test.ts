//! What programs and their files may do to the page of a sandbox: nothing. Each kind of text, at each place that shows it.

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

/** Texts that run something where they are taken for markup, or for an address. */
const TEXTS = [
  "<script>parent.xss=1;top.xss=1;self.xss=1</script>",
  "<img src=x onerror='top.xss=1;self.xss=1'>",
  "<svg onload='top.xss=1;self.xss=1'></svg>",
  "<iframe srcdoc='<script>top.xss=1</script>'></iframe>",
  "<a href='javascript:top.xss=1'>a link</a>",
  "<meta http-equiv=refresh content='0;url=javascript:top.xss=1'>",
  "<object data='data:text/html,<script>top.xss=1</script>'></object>",
  "<style>body{display:none}</style>",
  "<form action='/auth/logout' method=post><button>Sign out</button></form>",
  "[a link](javascript:top.xss=1) ![](x\" onerror=\"top.xss=1)",
  "{{constructor.constructor('top.xss=1')()}}",
] as const;

/** Whether any text ran in the page or in one of its frames; and what the page has of an element that only markup makes. */
async function isClean(page: Page): Promise<void> {
  for (const frame of page.frames()) assert.equal(await frame.evaluate("typeof self.xss"), "undefined", frame.url());
  assert.equal(await page.evaluate("document.querySelectorAll('main iframe:not([data-testid]), main object, main form[action], main a[href^=javascript]').length"), 0);
  assert.notEqual(await page.evaluate("getComputedStyle(document.body).display"), "none");
}
const api = (id: string, path = "") => `/api/v1/sandboxes/${id}${path}`;
const create = async (name: string) => (await json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: project, name: name.slice(0, 100), description: name }))).id as string;

test("names of sandboxes, files, processes and snapshots are text everywhere", async () => {
  const id = await create(TEXTS[1]);
  // A name has no `/`.
  const names = TEXTS.map((text) => text.replaceAll("/", "∕").slice(0, 100));
  for (const [index, name] of names.entries()) await json(200, await user.call("POST", api(id, "/files"), { operation: "create", file_path: `${name}.py`, content: TEXTS[index] }));
  await json(201, await user.call("POST", api(id, "/snapshots"), { name: TEXTS[0] }));
  await json(201, await user.call("POST", api(id, "/processes"), { command: "sleep 1000", name: TEXTS[1] }));
  const { page, console } = await site.open("/sandboxes", { user });
  await shows(page, ".sandboxes", TEXTS[1]);
  await isClean(page);
  await page.goto(`${site.url}/sandbox/${id}`);
  await shows(page, ".crumbs", TEXTS[1]);
  for (const name of names) await shows(page, ".tree", `${name}.py`);
  await shows(page, ".snaps", TEXTS[0]);
  await shows(page, ".procs", TEXTS[1]);
  assert.ok((await page.title()).startsWith(TEXTS[1]));
  for (const [index, name] of names.entries()) {
    await page.evaluate(`Array.from(document.querySelectorAll("[role=treeitem]")).find((item) => item.dataset.path === ${JSON.stringify(`${name}.py`)})?.click()`);
    await until(`the text of ${name}`, async () => (await textOf(page, ".editor.is-front .cm-content")).includes(TEXTS[index] ?? "?"));
  }
  await isClean(page);
  await json(200, await user.call("POST", api(id, "/files"), { operation: "update", file_path: `${names[0]}.py`, content: TEXTS.join("\n") }));
  await press(page, `Actions for the snapshot ${TEXTS[0]}`);
  await press(page, "Compare with now", "menuitem");
  await shows(page, "[data-testid=diff]", `+${TEXTS[1]}`);
  await isClean(page);
  assert.deepEqual(console, []);
});

test("output of a file, of a process and in a shell is text", async () => {
  const id = await create("Output");
  await json(200, await user.call("POST", api(id, "/files"), { operation: "create", file_path: "main.py", content: `import sys\nfor text in ${JSON.stringify(TEXTS)}:\n    print(text)\n    print(text, file=sys.stderr)\n` }));
  await json(201, await user.call("POST", api(id, "/processes"), { command: "python3 main.py", name: "writer" }));
  const { page, console } = await site.open(`/sandbox/${id}`, { user });
  await page.waitForSelector(".editor.is-front .cm-content");
  await page.click("[data-testid=run]:not([disabled])");
  await shows(page, "[data-testid=result-line]", "Success");
  for (const text of TEXTS) await shows(page, "[data-testid=output]", text);
  await page.locator(".proc-name").click();
  for (const text of TEXTS) await shows(page, "[role=dialog]", text);
  await page.keyboard.press("Escape");
  await page.locator("[role=tab]::-p-text(Terminal 1)").click();
  await until("the shell", async () => (await textOf(page, ".xterm-rows")).includes("$"));
  await page.focus(".xterm-helper-textarea");
  await page.keyboard.type("python3 main.py");
  await page.keyboard.press("Enter");
  await shows(page, ".xterm-rows", "constructor.constructor");
  await isClean(page);
  assert.deepEqual(console, []);
});

const RESULT = `class Shown:
    def __init__(self, kind, data): self.kind, self.data = kind, data
    def _repr_mimebundle_(self, **_): return {self.kind: self.data}
`;

for (const [kind, wrapped] of [
  ["text/html", (text: string) => text],
  ["text/markdown", (text: string) => text],
  ["text/latex", (text: string) => text],
  ["application/javascript", (text: string) => `top.xss = 1; // ${text}`],
  ["image/svg+xml", (text: string) => `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>top.xss=1</script><foreignObject width="9" height="9"><body xmlns="http://www.w3.org/1999/xhtml">${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</body></foreignObject></svg>`],
] as const) {
  test(`a result that is ${kind} runs nothing, and reaches neither the page nor the session`, async () => {
    const id = await create("Results");
    const { page } = await site.open("/login", { user });
    const code = `${RESULT}for text in ${JSON.stringify(TEXTS.map(wrapped))}: display(Shown(${JSON.stringify(kind)}, text))\nprint("all shown")`;
    await page.evaluate((name, text) => localStorage.setItem(name, text), `docle.notebook.${id}`, JSON.stringify({ language: "python", cells: [code] }));
    await page.goto(`${site.url}/sandbox/${id}?view=notebook`);
    await page.waitForSelector("[data-testid=cell] .cm-content");
    const left: string[] = [];
    page.on("request", (request) => request.isNavigationRequest() && left.push(request.url()));
    page.on("dialog", (dialog) => void dialog.dismiss().then(() => assert.fail("a dialog")));
    await press(page, "Run cell 1");
    await shows(page, "[data-testid=cell-output]", "all shown");
    await until("all results", async () => (await page.$$("[data-testid=result]")).length === TEXTS.length);
    if (kind === "text/html") {
      await until("their frames", async () => (await page.$$eval("[data-testid=result-frame]", (frames) => frames.map((frame) => frame.getAttribute("sandbox")))).join() === TEXTS.map(() => "allow-scripts").join());
      const inside = page.frames().filter((frame) => frame !== page.mainFrame());
      assert.equal(inside.length, TEXTS.length);
      for (const frame of inside) {
        await until("the result", async () => (await frame.evaluate("document.documentElement.style.colorScheme")) !== "");
        assert.deepEqual(await frame.evaluate("[self.origin, document.querySelectorAll('script').length, document.querySelectorAll('iframe, object, form, meta[http-equiv=refresh]').length]"), ["null", 1, 0]);
        await frame.evaluate("document.querySelector('a')?.click()");
      }
    }
    await isClean(page);
    assert.deepEqual(left.filter((url) => !/\/assets\/result-frame-[\w-]+\.html$/.test(url)), [], "no frame went elsewhere");
    assert.equal((await user.call("GET", "/auth/me")).status, 200);
  });
}

test("the file of the frames, opened by itself, belongs to the site and shows nothing of others", async () => {
  const id = await create("Frame");
  const { page } = await site.open("/login", { user });
  await page.evaluate((name) => localStorage.setItem(name, JSON.stringify({ cells: ["from IPython.display import HTML\nHTML('<b>x</b>')"] })), `docle.notebook.${id}`);
  await page.goto(`${site.url}/sandbox/${id}?view=notebook`);
  await page.waitForSelector("[data-testid=cell] .cm-content");
  await press(page, "Run cell 1");
  await page.waitForSelector("[data-testid=result-frame]");
  const address = await page.$eval("[data-testid=result-frame]", (frame) => frame.src);
  await page.goto(address);
  assert.equal(await page.evaluate("self.origin"), site.url);
  await page.evaluate("postMessage({ html: '<img src=x onerror=\"self.xss=1\"><b>shown</b>', scheme: 'dark' }, '*')");
  await page.evaluate("new Promise((resolve) => { addEventListener('message', resolve, { once: true }); postMessage({ html: '', scheme: 'dark' }, '*'); })");
  assert.deepEqual(await page.evaluate("[typeof self.xss, document.querySelector('main').childNodes.length]"), ["undefined", 0]);
});
