//! The files of a sandbox in its page: the tree, the editor, and what was typed and is not saved.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chord, choose, drag, name, row, rows, SandboxPages, SAVED, text, type } from "../harness/sandbox-page.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
const folder = mkdtempSync(join(tmpdir(), "docle-sandbox-files-"));
after(async () => {
  await site.stop();
  rmSync(folder, { recursive: true });
});
let pages: SandboxPages;
before(async () => {
  const { user, project } = await site.account("ada@example.com");
  pages = new SandboxPages(site, user, project);
});

test("files and folders are made, named, moved by drag and deleted, and one comes back", async () => {
  const id = await pages.create({ "main.py": "1", "b.py": "2", "old/c.py": "3" });
  const { page } = await pages.open(id);
  assert.deepEqual(await rows(page), ["old", "b.py", "main.py"]);
  await press(page, "New file");
  await name(page, "../x.py");
  await shows(page, ".field-error", "none is . or ..");
  await name(page, "b.py");
  await shows(page, ".field-error", "b.py is there already");
  await name(page, "lib/new.py");
  await page.waitForSelector(row("lib/new.py"));
  await until("its editor", async () => (await textOf(page, ".etab.is-on")).startsWith("new.py"));
  assert.equal(await pages.content(id, "lib/new.py"), "");

  await press(page, "New folder");
  await name(page, "empty");
  await page.waitForSelector(row("empty"));

  await choose(page, "b.py", "Rename or move");
  await name(page, "z.py");
  await page.waitForSelector(row("z.py"));
  assert.equal(await pages.content(id, "z.py"), "2");

  await drag(page, row("z.py"), row("empty"));
  await page.waitForSelector(row("empty/z.py"));
  assert.deepEqual([await pages.content(id, "z.py"), await pages.content(id, "empty/z.py")], [undefined, "2"]);

  await choose(page, "empty/z.py", "Delete");
  await until("the file is gone", async () => (await pages.content(id, "empty/z.py")) === undefined);
  await press(page, "Undo");
  await until("the file is back", async () => (await pages.content(id, "empty/z.py")) === "2");

  await choose(page, "old", "Delete");
  await shows(page, "[role=alertdialog]", "Delete old?");
  await page.locator("[role=alertdialog] .danger").click();
  await until("the folder is gone", async () => (await pages.content(id, "old/c.py")) === undefined);
  await until("its row is gone", async () => !(await rows(page)).includes("old"));
});

test("an open file that is moved keeps what was typed into it", async () => {
  const id = await pages.create({ "main.py": "1" });
  const { page } = await pages.open(id);
  await type(page, "typed ");
  await choose(page, "main.py", "Rename or move");
  await name(page, "src/app.py");
  await page.waitForSelector(row("src/app.py"));
  await shows(page, ".etab.is-on", "app.py");
  assert.match(await text(page), /typed 1/);
  await type(page, "");
  await chord(page, "s");
  await until("it is saved", async () => (await pages.content(id, "src/app.py")) === "typed 1");
  assert.equal(await pages.content(id, "main.py"), undefined);
});

test("files go up and come down as they are", async () => {
  const id = await pages.create({ "main.py": "1" });
  const bytes = Buffer.from([0, 255, 10, 13]);
  writeFileSync(join(folder, "b.bin"), bytes);
  writeFileSync(join(folder, "main.py"), "other");
  const { page } = await pages.open(id);
  const [picker] = await Promise.all([page.waitForFileChooser(), press(page, "Upload")]);
  await picker.accept([join(folder, "b.bin"), join(folder, "main.py")]);
  await page.waitForSelector(row("b.bin"));
  await shows(page, ".toasts", "main.py is there already");
  assert.equal(await pages.content(id, "main.py"), "1");
  await press(page, "Replace");
  await until("it is replaced", async () => (await pages.content(id, "main.py")) === "other");
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
  const id = await pages.create({ "main.py": "old" });
  const { page } = await pages.open(id);
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
  assert.equal(await pages.status(id), "sleeping");
  await chord(page, "s");
  await until("it is saved", async () => (await pages.content(id, "main.py")) === "two one old");
  await shows(page, "[data-testid=state]", "Running");
  await shows(page, SAVED, "Saved");
});

test("a file that changed in the sandbox is not overwritten without a word", async () => {
  const id = await pages.create({ "main.py": "mine" });
  const { page } = await pages.open(id);
  await type(page, "typed ");
  await pages.write(id, "main.py", "theirs");
  await chord(page, "s");
  await shows(page, ".t-edit [role=alert]", "has changed in the sandbox");
  assert.equal(await pages.content(id, "main.py"), "theirs");
  await press(page, "Replace it with yours");
  await until("it is replaced", async () => (await pages.content(id, "main.py")) === "typed mine");
  await type(page, "again ");
  await pages.write(id, "main.py", "theirs again");
  await chord(page, "s");
  await press(page, "Take that one");
  await until("the file", async () => (await text(page)).trim() === "theirs again");
  await shows(page, SAVED, "Saved");
});

test("what was typed before the page was loaded anew replaced what another person had written meanwhile", async () => {
  const id = await pages.create({ "main.py": "mine" });
  const { page } = await pages.open(id);
  await type(page, "typed ");
  await pages.write(id, "main.py", "theirs");
  await page.reload();
  await until("what was typed", async () => (await text(page)).includes("typed mine"));
  await shows(page, ".t-edit [role=alert]", "has changed in the sandbox");
  await type(page, "");
  await chord(page, "s");
  assert.equal(await pages.content(id, "main.py"), "theirs");
  await press(page, "Replace it with yours");
  await until("it is replaced", async () => (await pages.content(id, "main.py")) === "typed mine");
  await until("no question", async () => (await page.$(".t-edit [role=alert]")) === null);
});

test("files that are dropped on the tree are uploaded", async () => {
  const id = await pages.create({ "lib/parts.py": "1" });
  const { page } = await pages.open(id);
  await page.evaluate(`
    const carried = new DataTransfer();
    carried.items.add(new File(["dropped"], "new.txt"));
    for (const kind of ["dragover", "drop"]) document.querySelector(${JSON.stringify(row("lib"))}).dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
  `);
  await page.waitForSelector(row("lib/new.txt"));
  assert.equal(await pages.content(id, "lib/new.txt"), "dropped");
});

test("another sandbox in the same page has its own files", async () => {
  const [one, other] = [await pages.create({ "main.py": "first", "b.py": "of the first" }), await pages.create({ "main.py": "second" })];
  const { page } = await pages.open(one);
  await page.locator(row("b.py")).click();
  await shows(page, ".etab.is-on", "b.py");
  await page.evaluate(`history.pushState({}, "", "/sandbox/${other}"); dispatchEvent(new PopStateEvent("popstate", { state: {} }))`);
  await until("the other file", async () => (await text(page)).includes("second"));
  assert.equal((await page.$$(".etab")).length, 1);
});
