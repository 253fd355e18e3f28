//! The page of a sandbox: files, editor, run, processes, ports, snapshots, sleep.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json, type User } from "../harness/platform.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
const folder = mkdtempSync(join(tmpdir(), "docle-sandbox-page-"));
after(async () => {
  await site.stop();
  rmSync(folder, { recursive: true });
});
let user: User;
let project: string;
before(async () => ({ user, project } = await site.account("ada@example.com")));

const LINE = "[data-testid=result-line]";
const OUTPUT = "[data-testid=output]";
const SAVED = "[data-testid=saved]";
const FRONT = 'document.querySelector(".editor.is-front .cm-content")';
const api = (id: string, path = "") => `/api/v1/sandboxes/${id}${path}`;

async function create(files: Record<string, string> = {}, settings: object = {}): Promise<string> {
  const { id } = await json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: project, name: "Support bot flow", ...settings }));
  for (const [path, content] of Object.entries(files)) await json(200, await user.call("POST", api(id, "/files"), { operation: "create", file_path: path, content }));
  return id;
}
/** What a file of the sandbox has; undefined where there is none. */
async function content(id: string, path: string): Promise<string | undefined> {
  const response = await user.call("GET", api(id, `/files/content?path=${encodeURIComponent(path)}`), undefined, { accept: "*/*" });
  return response.status === 404 ? undefined : response.text();
}
const write = async (id: string, path: string, text: string) => json(200, await user.call("POST", api(id, "/files"), { operation: "update", file_path: path, content: text }));
const status = async (id: string) => (await json(200, await user.call("GET", api(id)))).status as string;
const rows = (page: Page) => page.$$eval("[role=treeitem]", (items) => items.map((item) => item.getAttribute("data-path")));
const row = (path: string) => `[role=treeitem][data-path="${path}"]`;
const text = async (page: Page) => (await page.evaluate(`${FRONT}?.innerText ?? ""`)) as string;

async function open(id: string, options: object = {}): Promise<{ page: Page; console: string[] }> {
  const opened = await site.open(`/sandbox/${id}`, { user, ...options });
  await opened.page.waitForSelector("[role=treeitem], .tree-none");
  return opened;
}
/** Types at the beginning of the file in front. */
async function type(page: Page, typed: string): Promise<void> {
  await page.waitForSelector(".editor.is-front .cm-content");
  await page.evaluate(`${FRONT}.focus()`);
  await chord(page, "Home");
  await page.keyboard.type(typed);
}
async function chord(page: Page, key: "s" | "Enter" | "Home" | "z"): Promise<void> {
  await page.keyboard.down("Control");
  await page.keyboard.press(key);
  await page.keyboard.up("Control");
}
/** Drags one element onto another; the browser without a window needs to be told what the drag carries. */
async function drag(page: Page, from: string, to: string): Promise<void> {
  const [dragged, target] = [await page.$(from), await page.$(to)];
  assert.ok(dragged !== null && target !== null);
  await page.setDragInterception(true);
  await dragged.dragAndDrop(target);
  await page.setDragInterception(false);
}
async function choose(page: Page, path: string, item: string): Promise<void> {
  await press(page, `${path}: more`);
  await press(page, item, "menuitem");
}
async function name(page: Page, text: string): Promise<void> {
  await page.waitForSelector("input.tree-name");
  await page.$eval("input.tree-name", (field) => field.select());
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

test("the file in front is saved and run, and its output comes while it runs", async () => {
  const id = await create({ "main.py": "import time\nprint('first')\nwhile not __import__('os').path.exists('go'): time.sleep(0.01)\nprint('last')\nraise SystemExit(3)\n" });
  const { page, console } = await open(id);
  await shows(page, SAVED, "Saved");
  await type(page, "# typed\n");
  await shows(page, SAVED, "Not saved yet");
  assert.match(await page.$eval(row("main.py"), (item) => item.getAttribute("aria-label") ?? ""), /not saved/);
  await chord(page, "Enter");
  await shows(page, OUTPUT, "first");
  await shows(page, LINE, "Running");
  assert.match((await content(id, "main.py")) ?? "", /^# typed/);
  assert.doesNotMatch(await textOf(page, OUTPUT), /last/);
  await write(id, "go", "");
  await shows(page, LINE, "exit 3");
  await shows(page, LINE, "Error");
  await shows(page, OUTPUT, "last");
  // What the program has made is in the tree.
  await page.waitForSelector(row("go"));
  assert.deepEqual(console, []);
});

test("a run is stopped, and the place of an error is shown in its file", async () => {
  const id = await create({ "main.py": "import lib.parts\nprint('up', flush=True)\nlib.parts.wait()\n", "lib/parts.py": "import time\ndef wait():\n    time.sleep(600)\n" });
  const { page } = await open(id);
  await page.click("[data-testid=run]:not([disabled])");
  await shows(page, OUTPUT, "up");
  await page.click("[data-testid=stop]");
  await shows(page, LINE, "Stopped");
  await write(id, "lib/parts.py", "def wait():\n    # nothing\n    return 1 / 0\n");
  await page.click(row("lib"));
  await page.locator(row("lib/parts.py")).click();
  await until("the file", async () => (await text(page)).includes("1 / 0"));
  await page.click("[role=tab].etab");
  await page.click("[data-testid=run]:not([disabled])");
  await shows(page, LINE, "Error");
  await page.locator("::-p-text(Go to line 3 of lib/parts.py)").click();
  await until("the line", async () => (await page.$$eval(".editor.is-front .cm-activeLine", (lines) => lines.map((line) => line.textContent ?? ""))).some((line) => line.includes("1 / 0")));
});

test("a compiled file runs, too", async () => {
  const id = await create({ "main.c": '#include <stdio.h>\nint main(void) { puts("compiled"); return 4; }\n' });
  const { page } = await open(id);
  await page.click(row("main.c"));
  await page.waitForSelector(".editor.is-front .cm-content");
  await page.click("[data-testid=run]:not([disabled])");
  await until("the end of the run", async () => (await textOf(page, LINE)).includes("exit 4"), 60);
  assert.equal(await textOf(page, OUTPUT), "compiled\n");
});

test("files and folders are made, named, moved by drag and deleted, and one comes back", async () => {
  const id = await create({ "main.py": "1", "b.py": "2", "old/c.py": "3" });
  const { page } = await open(id);
  assert.deepEqual(await rows(page), ["old", "b.py", "main.py"]);
  await press(page, "New file");
  await name(page, "../x.py");
  await shows(page, ".field-error", "none is . or ..");
  await name(page, "b.py");
  await shows(page, ".field-error", "b.py is there already");
  await name(page, "lib/new.py");
  await page.waitForSelector(row("lib/new.py"));
  await until("its editor", async () => (await textOf(page, ".etab.is-on")).startsWith("new.py"));
  assert.equal(await content(id, "lib/new.py"), "");

  await press(page, "New folder");
  await name(page, "empty");
  await page.waitForSelector(row("empty"));

  await choose(page, "b.py", "Rename or move");
  await name(page, "z.py");
  await page.waitForSelector(row("z.py"));
  assert.equal(await content(id, "z.py"), "2");

  await drag(page, row("z.py"), row("empty"));
  await page.waitForSelector(row("empty/z.py"));
  assert.deepEqual([await content(id, "z.py"), await content(id, "empty/z.py")], [undefined, "2"]);

  await choose(page, "empty/z.py", "Delete");
  await until("the file is gone", async () => (await content(id, "empty/z.py")) === undefined);
  await press(page, "Undo");
  await until("the file is back", async () => (await content(id, "empty/z.py")) === "2");

  await choose(page, "old", "Delete");
  await shows(page, "[role=alertdialog]", "Delete old?");
  await page.locator("[role=alertdialog] .danger").click();
  await until("the folder is gone", async () => (await content(id, "old/c.py")) === undefined);
  await until("its row is gone", async () => !(await rows(page)).includes("old"));
});

test("an open file that is moved keeps what was typed into it", async () => {
  const id = await create({ "main.py": "1" });
  const { page } = await open(id);
  await type(page, "typed ");
  await choose(page, "main.py", "Rename or move");
  await name(page, "src/app.py");
  await page.waitForSelector(row("src/app.py"));
  await shows(page, ".etab.is-on", "app.py");
  assert.match(await text(page), /typed 1/);
  await type(page, "");
  await chord(page, "s");
  await until("it is saved", async () => (await content(id, "src/app.py")) === "typed 1");
  assert.equal(await content(id, "main.py"), undefined);
});

test("files go up and come down as they are", async () => {
  const id = await create({ "main.py": "1" });
  const bytes = Buffer.from([0, 255, 10, 13]);
  writeFileSync(join(folder, "b.bin"), bytes);
  writeFileSync(join(folder, "main.py"), "other");
  const { page } = await open(id);
  const [picker] = await Promise.all([page.waitForFileChooser(), press(page, "Upload")]);
  await picker.accept([join(folder, "b.bin"), join(folder, "main.py")]);
  await page.waitForSelector(row("b.bin"));
  await shows(page, ".toasts", "main.py is there already");
  assert.equal(await content(id, "main.py"), "1");
  await press(page, "Replace");
  await until("it is replaced", async () => (await content(id, "main.py")) === "other");
  await until("the editor has it", async () => (await text(page)).includes("other"));
  await page.click(row("b.bin"));
  await shows(page, ".t-edit", "It is no text");
  const client = await page.createCDPSession();
  await client.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder, browserContextId: (await client.send("Target.getTargetInfo")).targetInfo.browserContextId });
  rmSync(join(folder, "b.bin"));
  await choose(page, "b.bin", "Download");
  await until("the download", () => {
    try {
      return readFileSync(join(folder, "b.bin")).equals(bytes);
    } catch {
      return false;
    }
  });
});

test("what was typed outlives a save that failed, a sleep, and the page", async () => {
  const id = await create({ "main.py": "old" });
  const { page } = await open(id);
  await type(page, "one ");
  await page.setRequestInterception(true);
  let isDown = true;
  page.on("request", (request) => void (isDown && request.method() === "PUT" ? request.abort() : request.continue()));
  await chord(page, "s");
  await shows(page, ".t-edit [role=alert]", "The service cannot be reached");
  assert.match(await text(page), /one old/);
  await page.reload();
  await until("what was typed", async () => (await text(page)).includes("one old"));
  await shows(page, SAVED, "Not saved yet");
  isDown = false;
  await until("the shell", async () => (await textOf(page, "[data-testid=shell-state]")) === "");
  await press(page, "Actions for this sandbox");
  await press(page, "Put to sleep", "menuitem");
  await shows(page, "[data-testid=state]", "Sleeping");
  await shows(page, "[data-testid=strip]", "The sandbox sleeps");
  await type(page, "two ");
  assert.equal(await status(id), "sleeping");
  await chord(page, "s");
  await until("it is saved", async () => (await content(id, "main.py")) === "two one old");
  await shows(page, "[data-testid=state]", "Running");
  await shows(page, SAVED, "Saved");
});

test("a file that changed in the sandbox is not overwritten without a word", async () => {
  const id = await create({ "main.py": "mine" });
  const { page } = await open(id);
  await type(page, "typed ");
  await write(id, "main.py", "theirs");
  await chord(page, "s");
  await shows(page, ".t-edit [role=alert]", "has changed in the sandbox");
  assert.equal(await content(id, "main.py"), "theirs");
  await press(page, "Replace it with yours");
  await until("it is replaced", async () => (await content(id, "main.py")) === "typed mine");
  await type(page, "again ");
  await write(id, "main.py", "theirs again");
  await chord(page, "s");
  await press(page, "Take that one");
  await until("the file", async () => (await text(page)).trim() === "theirs again");
  await shows(page, SAVED, "Saved");
});

test("what was typed before the page was loaded anew replaced what somebody else had written meanwhile", async () => {
  const id = await create({ "main.py": "mine" });
  const { page } = await open(id);
  await type(page, "typed ");
  await write(id, "main.py", "theirs");
  await page.reload();
  await until("what was typed", async () => (await text(page)).includes("typed mine"));
  await shows(page, ".t-edit [role=alert]", "has changed in the sandbox");
  await type(page, "");
  await chord(page, "s");
  assert.equal(await content(id, "main.py"), "theirs");
  await press(page, "Replace it with yours");
  await until("it is replaced", async () => (await content(id, "main.py")) === "typed mine");
  await until("no question", async () => (await page.$(".t-edit [role=alert]")) === null);
});

test("files that are dropped on the tree are uploaded", async () => {
  const id = await create({ "lib/parts.py": "1" });
  const { page } = await open(id);
  await page.evaluate(`
    const carried = new DataTransfer();
    carried.items.add(new File(["dropped"], "new.txt"));
    for (const kind of ["dragover", "drop"]) document.querySelector(${JSON.stringify(row("lib"))}).dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
  `);
  await page.waitForSelector(row("lib/new.txt"));
  assert.equal(await content(id, "lib/new.txt"), "dropped");
});

test("another sandbox in the same page has its own files", async () => {
  const [one, other] = [await create({ "main.py": "first", "b.py": "of the first" }), await create({ "main.py": "second" })];
  const { page } = await open(one);
  await page.locator(row("b.py")).click();
  await shows(page, ".etab.is-on", "b.py");
  await page.evaluate(`history.pushState({}, "", "/sandbox/${other}"); dispatchEvent(new PopStateEvent("popstate", { state: {} }))`);
  await until("the other file", async () => (await text(page)).includes("second"));
  assert.equal((await page.$$(".etab")).length, 1);
});

test("a sandbox that sleeps is woken by its page, with its files", async () => {
  const id = await create({ "main.py": "print('here')" });
  await json(200, await user.call("POST", api(id, "/sleep")));
  assert.equal(await status(id), "sleeping");
  const { page } = await open(id);
  await shows(page, "[data-testid=state]", "Running");
  await until("its file", async () => (await text(page)).includes("here"));
});

test("a sandbox that was deleted elsewhere can be read, and nothing more", async () => {
  const id = await create({ "main.py": "precious" });
  const { page } = await open(id);
  await until("its file", async () => (await text(page)).includes("precious"));
  await json(204, await user.call("DELETE", api(id))).catch(() => undefined);
  await shows(page, "[data-testid=strip]", "This sandbox was deleted");
  assert.match(await text(page), /precious/);
  assert.equal(await page.$("[aria-label='New file']"), null);
  assert.equal(await page.$eval("[data-testid=run]", (button) => button.disabled), true);
  await shows(page, SAVED, "Read only");
  await type(page, "not taken");
  assert.match(await text(page), /^precious/);
  const { page: other } = await site.open(`/sandbox/${id}`, { user });
  await shows(other, "[role=alert]", "There is no such sandbox");
});

test("a process is started, read and ended", async () => {
  const id = await create({ "main.py": "1" });
  const { page } = await open(id);
  await shows(page, ".procs", "None in the background");
  await page.type("#process-command", "echo 'it <b>runs</b>'; exec sleep 1000");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".procs .dot.ok");
  await page.click(".proc-name");
  await shows(page, "[role=dialog]", "it <b>runs</b>");
  await page.keyboard.press("Escape");
  await until("no dialog", async () => (await page.$("[role=dialog]")) === null);
  await page.click(".procs [aria-label^=End]");
  await shows(page, ".procs", "SIGTERM");
  assert.equal((await json(200, await user.call("GET", api(id, "/processes?status=running")))).processes.length, 0);
});

test("a port is exposed and shown in a frame of its own, gets another URL, and is taken back", async () => {
  const id = await create({ "index.html": "<h1>Out of the sandbox</h1><script>document.title = document.cookie</script>" });
  await json(201, await user.call("POST", api(id, "/processes"), { command: "python3 -m http.server 8000" }));
  const { page, console } = await open(id);
  await page.locator("[role=tab]::-p-text(Ports)").click();
  await page.type("#port-number", "80000");
  await page.keyboard.press("Enter");
  await shows(page, "#port-wrong", "1 to 65535");
  await page.$eval("#port-number", (field) => field.select());
  await page.keyboard.type("8000");
  await page.keyboard.press("Enter");
  const shown = async () => (await (await page.$("[data-testid=preview]"))?.contentFrame())?.evaluate("document.body?.textContent ?? ''");
  await until("the page of the program", async () => String(await shown().catch(() => "")).includes("Out of the sandbox"), 20);
  const src = await page.$eval("[data-testid=preview]", (one) => one.src);
  assert.notEqual(new URL(src).origin, site.url);
  assert.ok(!(await textOf(page, ".url")).includes(new URL(src).hostname), "the URL is a secret, and not on the screen");
  await page.locator("[role=tab]::-p-text(Ports)").click();
  await press(page, "Give port 8000 another URL");
  await until("another URL", async () => (await json(200, await user.call("GET", api(id, "/ports/8000")))).url !== src);
  await press(page, "Unexpose port 8000");
  await until("no port", async () => (await json(200, await user.call("GET", api(id, "/ports")))).ports.length === 0);
  await shows(page, ".t-prev", "No port is exposed");
  assert.deepEqual(console.filter((line) => !line.includes("favicon")), []);
});

test("a snapshot is taken, compared, restored and branched", async () => {
  const id = await create({ "main.py": "one\n", "gone.py": "bye" });
  const { page } = await open(id);
  await shows(page, ".snaps", "No snapshots");
  await press(page, "Take a snapshot");
  await page.type("#snapshot-name", "Answers work");
  await page.keyboard.press("Enter");
  await shows(page, ".snaps ol", "Answers work");
  await write(id, "main.py", "two\n");
  await json(204, await user.call("DELETE", api(id, "/files?path=gone.py"))).catch(() => undefined);
  await press(page, "Actions for the snapshot Answers work");
  await press(page, "Compare with now", "menuitem");
  await shows(page, "[data-testid=diff]", "-one");
  await shows(page, "[data-testid=diff]", "+two");
  await press(page, "Restore /workspace/gone.py");
  await until("the file", async () => (await content(id, "gone.py")) === "bye");
  assert.equal(await content(id, "main.py"), "two\n");
  await page.keyboard.press("Escape");
  await until("no dialog", async () => (await page.$("[role=dialog]")) === null);

  await press(page, "Actions for the snapshot Answers work");
  await press(page, "Restore…", "menuitem");
  await shows(page, "[role=alertdialog]", "All files become those of the snapshot");
  await page.locator("[role=alertdialog] .danger").click();
  await until("the file", async () => (await content(id, "main.py")) === "one\n");
  await shows(page, ".snaps ol", "Before “Answers work”");
  await until("the editor has it", async () => (await text(page)).trim() === "one");

  await press(page, "Actions for the snapshot Answers work");
  await press(page, "Branch", "menuitem");
  await until("the branch", () => !page.url().endsWith(id) && page.url().includes("/sandbox/sbx_"));
  await shows(page, ".crumbs", "Support bot flow, Answers work");
  await until("its file", async () => (await text(page)).trim() === "one");
});

test("the page is as it was left: open files and the side", async () => {
  const id = await create({ "main.py": "1", "b.py": "2" });
  const { page } = await open(id);
  await page.click(row("b.py"));
  await shows(page, ".etab.is-on", "b.py");
  await press(page, "Hide preview and processes");
  await page.reload();
  await shows(page, ".etab.is-on", "b.py");
  assert.equal((await page.$$(".etab")).length, 2);
  await page.waitForSelector("[aria-label='Show preview and processes']");
});

test("a phone shows one part at a time", async () => {
  const id = await create({ "main.py": "print('on a phone')" });
  const { page } = await open(id, { width: 390, height: 844 });
  const isShown = (selector: string) => page.$eval(selector, (element) => element.offsetParent !== null);
  await page.waitForSelector(".cm-content");
  for (const [button, part] of [["Files", ".t-tree"], ["Terminal", ".t-term"], ["Preview", ".t-prev"], ["Code", ".t-edit"]] as const) {
    await press(page, button);
    for (const one of [".t-tree", ".t-term", ".t-prev", ".t-edit"]) assert.equal(await isShown(one), one === part, `${one} with ${button}`);
  }
  await page.click("[data-testid=run]:not([disabled])");
  await shows(page, LINE, "Success");
  assert.equal(await isShown(OUTPUT), true);
  assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
});
