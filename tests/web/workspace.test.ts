//! The playground for many files: a tree, tabs, packages, saved programs.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import type { User } from "../harness/platform.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
const folder = mkdtempSync(join(tmpdir(), "docle-workspace-"));
after(async () => {
  await site.stop();
  rmSync(folder, { recursive: true });
});
let user: User;
before(async () => ({ user } = await site.account("ada@example.com")));

const LINE = "[data-testid=result-line]";
const OUTPUT = "[data-testid=output]";
interface File {
  path: string;
  content: string;
  isBinary?: boolean;
}
interface Kept {
  files: File[];
  entrypoint: string;
  env: string;
  packages: string;
  allowNetwork: boolean;
}

/** Opens the page with these files, or with the ones that it begins with. */
async function open(files?: File[], more: object = {}): Promise<{ page: Page; console: string[] }> {
  const opened = await site.open("/login", { user });
  if (files !== undefined) await opened.page.evaluate((text) => localStorage.setItem("docle.workspace", text), JSON.stringify({ lang: "python", files, entrypoint: "main.py", ...more }));
  await opened.page.goto(`${site.url}/playground/advanced`);
  await opened.page.waitForSelector("[data-testid=editor] .cm-content");
  return opened;
}
const run = (page: Page) => page.click("[data-testid=run]");
const row = (page: Page, name: string) => page.locator(`[role=treeitem][data-name="${name}"]`);
const rows = (page: Page) => page.$$eval("[role=treeitem]", (items) => items.map((item) => item.getAttribute("data-name")));
const tabs = (page: Page) => page.$$eval("[role=tab].etab", (items) => items.map((item) => item.querySelector("span")?.textContent ?? ""));
const kept = async (page: Page) => JSON.parse((await page.evaluate("localStorage.getItem('docle.workspace')")) as string) as Kept;
const paths = async (page: Page) => (await kept(page)).files.map(({ path }) => path);
/** The editor in front, and what it shows. */
const FRONT = 'Array.from(document.querySelectorAll(".cm-content")).find((one) => one.offsetParent !== null)';
const editor = async (page: Page) => (await page.evaluate(`${FRONT}?.textContent ?? ""`)) as string;
async function choose(page: Page, path: string, item: string) {
  await row(page, path.split("/").at(-1) ?? path).click();
  await press(page, `${path}: more`);
  await press(page, item, "menuitem");
}

test("the first program runs with all its files", async () => {
  const { page, console } = await open();
  assert.deepEqual(await rows(page), ["report", "__init__.py", "stats.py", "table.py", "main.py", "scores.csv"]);
  await run(page);
  await shows(page, LINE, "Success");
  await shows(page, OUTPUT, "Scores by group");
  assert.match(await textOf(page, OUTPUT), /green +2 +9\.00 +10/);
  assert.deepEqual(console, []);
});

test("an error in another file leads to its line there", async () => {
  const { page } = await open([
    { path: "lib/parts.py", content: "def first(items):\n    # nothing\n    return items[0]\n" },
    { path: "main.py", content: "from lib.parts import first\nfirst([])\n" },
  ]);
  await run(page);
  await shows(page, LINE, "Error");
  await page.locator("::-p-text(Go to line 3 of lib/parts.py)").click();
  await until("the line", async () => (await page.$$eval(".cm-activeLine", (lines) => lines.map((line) => line.textContent))).includes("    return items[0]"));
  assert.deepEqual(await tabs(page), ["main.py", "parts.py"]);
});

test("files are made, named, started, deleted, and come back", async () => {
  const { page } = await open([{ path: "main.py", content: "print('main')" }, { path: "b.py", content: "print('b')" }]);
  await press(page, "New file");
  for (const [text, wrong] of [["../x.py", "none is . or .."], ["main.py", "is there already"], ["main.py/x", "one name"]] as const) {
    await page.$eval("input.tree-name", (field) => (field.value = ""));
    await page.type("input.tree-name", text);
    await page.keyboard.press("Enter");
    await shows(page, ".field-error", wrong);
  }
  await page.$eval("input.tree-name", (field) => (field.value = ""));
  await page.type("input.tree-name", "lib/new.py");
  await page.keyboard.press("Enter");
  await until("the file", async () => (await rows(page)).join() === "lib,new.py,b.py,main.py");
  await until("its editor", async () => (await page.$$(".cm-content")).length === 2);
  assert.equal(await editor(page), "");

  await choose(page, "b.py", "Rename");
  await page.$eval("input.tree-name", (field) => (field.value = ""));
  await page.type("input.tree-name", "z.py");
  await page.keyboard.press("Enter");
  await until("its name", async () => (await paths(page)).join() === "lib/new.py,main.py,z.py");

  await choose(page, "z.py", "Run this file");
  await shows(page, OUTPUT, "b");
  assert.equal((await kept(page)).entrypoint, "z.py");

  await choose(page, "z.py", "Delete");
  await until("the file is gone", async () => (await paths(page)).join() === "lib/new.py,main.py");
  assert.equal((await kept(page)).entrypoint, "lib/new.py");
  await press(page, "Undo");
  await until("the file", async () => (await paths(page)).join() === "lib/new.py,main.py,z.py");
  assert.equal((await kept(page)).entrypoint, "z.py");
});

test("the tree and the tabs are used by keys alone", async () => {
  const { page } = await open();
  await page.focus("[role=treeitem][tabindex='0']");
  for (const key of ["Home", "ArrowLeft"] as const) await page.keyboard.press(key);
  await until("the folder is closed", async () => (await rows(page)).join() === "report,main.py,scores.csv");
  for (const key of ["ArrowRight", "ArrowRight", "ArrowDown", "Enter"] as const) await page.keyboard.press(key);
  await until("the file is open", async () => (await tabs(page)).join() === "main.py,stats.py");
  await page.focus("[role=tab].etab[aria-selected=true]");
  await page.keyboard.press("ArrowLeft");
  await until("the other tab", async () => (await textOf(page, ".etab.is-on")).startsWith("main.py"));
  await page.keyboard.press("Delete");
  await until("it is closed", async () => (await tabs(page)).join() === "stats.py");
});

test("an undo in one file is that file's own, also after another was in front", async () => {
  const { page } = await open([{ path: "main.py", content: "1" }, { path: "b.py", content: "2" }]);
  const type = async (text: string) => {
    await page.evaluate(`${FRONT}.focus()`);
    await page.keyboard.type(text);
  };
  await type("# a");
  await row(page, "b.py").click();
  await until("the editor", async () => (await editor(page)) === "2");
  await type("# b");
  await row(page, "main.py").click();
  await until("the editor", async () => (await editor(page)).includes("# a"));
  await type("");
  await page.keyboard.down("Control");
  await page.keyboard.press("z");
  await page.keyboard.up("Control");
  await until("it is undone", async () => (await editor(page)) === "1");
  const { files } = await kept(page);
  assert.ok(files.find(({ path }) => path === "b.py")?.content.includes("# b"));
});

test("what is uploaded is there for the program, text and bytes", async () => {
  const { page } = await open([{ path: "main.py", content: "print(open('a.txt').read(), open('b.bin', 'rb').read())" }]);
  writeFileSync(join(folder, "a.txt"), "é");
  writeFileSync(join(folder, "b.bin"), Buffer.from([0, 255, 10]));
  const [picker] = await Promise.all([page.waitForFileChooser(), press(page, "Upload")]);
  await picker.accept([join(folder, "a.txt"), join(folder, "b.bin")]);
  await until("the files", async () => (await paths(page)).length === 3);
  await run(page);
  await shows(page, OUTPUT, "é b'\\x00\\xff\\n'");
  await row(page, "b.bin").click();
  await shows(page, ".t-edit", "Bytes, 3 of them");
});

test("a program is saved under a name in this browser, and values of the environment are not", async () => {
  const { page } = await open([{ path: "main.py", content: "print(1)" }], { env: "SECRET=hush" });
  await page.click("[data-testid=sessions]");
  await shows(page, "[role=dialog]", "Nothing saved");
  await page.type("#session-name", "Score report");
  await page.keyboard.press("Enter");
  await shows(page, ".bar-title", "Score report");
  await page.focus(".cm-content");
  await page.keyboard.type("# new\n");
  await shows(page, ".etab", ", not saved");
  await page.click("[data-testid=sessions]");
  await page.locator(".session").click();
  await until("the saved program", async () => (await kept(page)).files[0]?.content === "print(1)");
  assert.ok(!((await page.evaluate("JSON.stringify({...localStorage})")) as string).includes("hush"));
  await page.click("[data-testid=sessions]");
  await press(page, "Delete Score report");
  await shows(page, "[role=dialog]", "Nothing saved");
});

test("a package that there is none of is marked", async () => {
  const { page } = await open([{ path: "main.py", content: "print(1)" }]);
  await page.type("#package", "docle-no-such-package-1");
  await page.keyboard.press("Enter");
  await shows(page, ".pk-list", "Next run");
  await run(page);
  await shows(page, ".pk-list", "Not installed");
  await press(page, "Remove docle-no-such-package-1");
  await until("it is gone", async () => (await kept(page)).packages === "");
});

test("a link holds all files, and brings neither network nor values", async () => {
  const { page } = await open([{ path: "lib/a.py", content: "A = 1" }, { path: "main.py", content: "import lib.a" }], { allowNetwork: true });
  await press(page, "Share");
  await until("the link", () => Promise.resolve(page.url().includes("/playground/advanced#z=")));
  const other = await site.docle.signIn("bob@example.com");
  const opened = await site.open(page.url().slice(site.url.length), { user: other });
  await until("the files", async () => (await rows(opened.page)).join() === "lib,a.py,main.py");
  await until("they are kept", async () => (await opened.page.evaluate("localStorage.getItem('docle.workspace')")) !== null);
  const program = await kept(opened.page);
  assert.deepEqual([program.entrypoint, program.env, program.allowNetwork], ["main.py", "", false]);
});

test("a run of many files opens here from its drawer", async () => {
  const { projects } = (await (await user.call("GET", "/api/projects")).json()) as { projects: { id: string }[] };
  const project = projects[0]?.id ?? assert.fail("no project");
  const key = await site.key(user, project);
  const body = { lang: "python", files: [{ path: "main.py", content: "import b" }, { path: "b.py", content: "print('from b')" }], entrypoint: "main.py", args: ["x"] };
  const { id } = (await (await site.docle.run(key, {}, body)).json()) as { id: string };
  const { page } = await site.open(`/projects/${project}?tab=usage&run=${id}`, { user });
  await page.locator("[data-testid=run-drawer] .dialog-foot button").click();
  await until("the files", async () => (await rows(page)).join() === "b.py,main.py");
});
