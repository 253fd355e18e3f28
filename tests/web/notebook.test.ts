//! The notebook of a sandbox: cells that keep their state, and what they show.

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

const create = async (settings: object = {}) => (await json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: project, name: "Notebook", ...settings }))).id as string;
const api = (id: string, path = "") => `/api/v1/sandboxes/${id}${path}`;
const cell = (place: number) => `[data-testid=cell][aria-label="Cell ${place}"]`;
const out = (place: number) => `${cell(place)} [data-testid=cell-output]`;

async function open(id: string, cells: string[] = [""]): Promise<{ page: Page; console: string[] }> {
  const opened = await site.open("/login", { user });
  await opened.page.evaluate((name, text) => localStorage.setItem(name, text), `docle.notebook.${id}`, JSON.stringify({ cells }));
  await opened.page.goto(`${site.url}/sandbox/${id}?view=notebook`);
  await opened.page.waitForSelector(`${cell(cells.length)} .cm-content`);
  return opened;
}
/** What the frame of a result shows. */
async function framed(page: Page, place: number): Promise<string> {
  const frame = await (await page.$(`${out(place)} iframe`))?.contentFrame();
  return String((await frame?.evaluate("document.querySelector('main')?.innerText ?? ''").catch(() => "")) ?? "");
}

test("cells keep their state, are added by keys, and show values and output in their order", async () => {
  const id = await create();
  const { page, console } = await open(id);
  await page.focus(`${cell(1)} .cm-content`);
  await page.keyboard.type("x = 6");
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
  await shows(page, `${cell(1)} .cell-count`, "[1]");
  await press(page, "Add a cell below cell 1");
  await page.waitForSelector(`${cell(2)} .cm-focused`);
  await page.keyboard.type("print('six <b>times</b> seven'); x * 7");
  await press(page, "Run cell 2");
  await shows(page, `${cell(2)} .cell-count`, "[2]");
  assert.match(await textOf(page, out(2)), /six <b>times<\/b> seven\n42/);
  await shows(page, ".notebook-bar", "2 cells run");
  assert.deepEqual(console, []);
  // The code stays, and so does the interpreter.
  await page.reload();
  await page.waitForSelector(`${cell(2)} .cm-content`);
  await press(page, "Run cell 2");
  await shows(page, out(2), "42");
});

const SHOW = `class Shown:
    def __init__(self, kind, data): self.kind, self.data = kind, data
    def _repr_mimebundle_(self, **_): return {self.kind: self.data, "text/plain": "as text"}
`;
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

test("tables, images and errors are shown as what they are", async () => {
  const id = await create();
  const { page } = await open(id, [
    SHOW,
    "Shown('text/html', '<table><tr><th>Month<td>Jan</table><style>th { color: rgb(1, 2, 3) }</style>')",
    `Shown('image/png', '${PNG}')`,
    "Shown('image/svg+xml', '<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"20\"><rect width=\"40\" height=\"20\"/></svg>')",
    "1 / 0",
  ]);
  await press(page, "Run all");
  await shows(page, out(5), "ZeroDivisionError: division by zero");
  await until("the table", async () => /Month\s+Jan/.test(await framed(page, 2)));
  const frame = await (await page.$(`${out(2)} iframe`))?.contentFrame();
  assert.deepEqual(await frame?.evaluate("[self.origin, getComputedStyle(document.querySelector('th')).color]"), ["null", "rgb(1, 2, 3)"]);
  await until("its height", async () => (await page.$eval(`${out(2)} iframe`, (one) => one.clientHeight)) > 30);
  for (const place of [3, 4]) await until("an image", () => page.$eval(`${out(place)} img`, (image) => image.naturalWidth > 0));
  assert.equal(await page.$eval(`${out(4)} img`, (image) => image.alt), "as text");
});

test("a cell is stopped, a lost interpreter is said, and a new one is empty", async () => {
  const id = await create();
  const { page } = await open(id, ["x = 1\nprint('up', flush=True)\nimport time; time.sleep(600)", "import os; os._exit(3)", "x"]);
  await press(page, "Run cell 1");
  await shows(page, out(1), "up");
  await page.click(`${cell(1)} .stop`);
  await shows(page, out(1), "Stopped");
  await press(page, "Run cell 3");
  await shows(page, out(3), "1");
  await press(page, "Run cell 2");
  await shows(page, out(2), "What the interpreter held is gone");
  await press(page, "Run cell 3");
  await shows(page, out(3), "NameError");
  await press(page, "Restart");
  await shows(page, ".toasts", "The Python interpreter is new and empty");
});

test("JavaScript runs too, and another interpreter has a state of its own", async () => {
  const id = await create({ language: "javascript" });
  const { page } = await open(id, ["globalThis.seen ??= 0; seen += 1"]);
  assert.equal(await page.$eval("[aria-label=Language]", (field) => field.value), "javascript");
  for (const count of ["1", "2"]) {
    await press(page, "Run cell 1");
    await until(`the value ${count}`, async () => (await textOf(page, out(1))) === count);
  }
  await press(page, "New interpreter");
  await page.waitForSelector("[aria-label=Interpreter]");
  await press(page, "Run cell 1");
  await until("a state of its own", async () => (await textOf(page, out(1))) === "1");
});

test("an interpreter that ended with the sleep of its sandbox begins again", async () => {
  const id = await create();
  const { page } = await open(id, ["y = globals().get('y', 0) + 1; y"]);
  await press(page, "Run cell 1");
  await until("the value", async () => (await textOf(page, out(1))) === "1");
  await json(200, await user.call("POST", api(id, "/sleep")));
  await shows(page, "[data-testid=strip]", "The sandbox sleeps");
  await press(page, "Run cell 1");
  await until("the value", async () => (await textOf(page, out(1))) === "1" && (await textOf(page, "[data-testid=state]")) === "Running");
});

test("a chart has its data as a table", async () => {
  const id = await create();
  const chart = { type: "line", title: "Sales", x_label: "Month", y_label: "", elements: [{ label: "a", points: [[0, 1], [1, "<b>2</b>"]] }] };
  // matplotlib comes from a registry; what it would show is told here in its place, by the service itself.
  const { page } = await open(id, ["1"]);
  await page.setRequestInterception(true);
  const result = { main: true, png: PNG, text: "<Figure>", chart };
  const events = [{ type: "start", id: "e", contextId: "default-python" }, { type: "result", result }, { type: "complete", executionCount: 1, durationMs: 1, success: true, contextLost: false, truncated: {} }];
  page.on("request", (request) => void (request.url().endsWith("/code") ? request.respond({ status: 200, contentType: "text/event-stream", body: events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("") }) : request.continue()));
  await press(page, "Run cell 1");
  await page.locator(`${out(1)} summary`).click();
  assert.match(await textOf(page, `${out(1)} table`), /SalesSeriesMonthya01a1<b>2<\/b>/);
});
