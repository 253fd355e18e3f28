//! The page of a sandbox: run, processes, ports, snapshots, sleep, and how it is on a phone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { json } from "../harness/platform.ts";
import { api, chord, LINE, OUTPUT, row, SandboxPages, SAVED, text, type } from "../harness/sandbox-page.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let pages: SandboxPages;
before(async () => {
  const { user, project } = await site.account("ada@example.com");
  pages = new SandboxPages(site, user, project);
});

test("the file in front is saved and run, and its output comes while it runs", async () => {
  const id = await pages.create({ "main.py": "import time\nprint('first')\nwhile not __import__('os').path.exists('go'): time.sleep(0.01)\nprint('last')\nraise SystemExit(3)\n" });
  const { page, console } = await pages.open(id);
  await shows(page, SAVED, "Saved");
  await type(page, "# typed\n");
  await shows(page, SAVED, "Not saved yet");
  assert.match(await page.$eval(row("main.py"), (item) => item.getAttribute("aria-label") ?? ""), /not saved/);
  await chord(page, "Enter");
  await shows(page, OUTPUT, "first");
  await shows(page, LINE, "Running");
  assert.match((await pages.content(id, "main.py")) ?? "", /^# typed/);
  assert.doesNotMatch(await textOf(page, OUTPUT), /last/);
  await pages.write(id, "go", "");
  await shows(page, LINE, "exit 3");
  await shows(page, LINE, "Error");
  await shows(page, OUTPUT, "last");
  // What the program has made is in the tree.
  await page.waitForSelector(row("go"));
  assert.deepEqual(console, []);
});

test("a run is stopped, and the place of an error is shown in its file", async () => {
  const id = await pages.create({ "main.py": "import lib.parts\nprint('up', flush=True)\nlib.parts.wait()\n", "lib/parts.py": "import time\ndef wait():\n    time.sleep(600)\n" });
  const { page } = await pages.open(id);
  await page.click("[data-testid=run]:not([disabled])");
  await shows(page, OUTPUT, "up");
  // Escape in a field leaves the field alone.
  for (const [button, field] of [["Take a snapshot", "#snapshot-name"], ["New file", "input.tree-name"]] as const) {
    await press(page, button);
    await page.waitForSelector(`${field}:focus`);
    await page.keyboard.press("Escape");
    await until("no field", async () => (await page.$(field)) === null);
    await shows(page, LINE, "Running");
  }
  await page.click("[data-testid=stop]");
  await shows(page, LINE, "Stopped");
  await pages.write(id, "lib/parts.py", "def wait():\n    # nothing\n    return 1 / 0\n");
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
  const id = await pages.create({ "main.c": '#include <stdio.h>\nint main(void) { puts("compiled"); return 4; }\n' });
  const { page } = await pages.open(id);
  await page.click(row("main.c"));
  await page.waitForSelector(".editor.is-front .cm-content");
  await page.click("[data-testid=run]:not([disabled])");
  await until("the end of the run", async () => (await textOf(page, LINE)).includes("exit 4"), 60);
  // Output is drawn with the next frame of the browser.
  await until("its output", async () => (await textOf(page, OUTPUT)) === "compiled\n");
});

test("a sandbox that sleeps is woken by its page, with its files", async () => {
  const id = await pages.create({ "main.py": "print('here')" });
  await json(200, await pages.user.call("POST", api(id, "/sleep")));
  assert.equal(await pages.status(id), "sleeping");
  const { page } = await pages.open(id);
  await shows(page, "[data-testid=state]", "Running");
  await until("its file", async () => (await text(page)).includes("here"));
});

test("a sandbox that was deleted elsewhere can be read, and nothing more", async () => {
  const id = await pages.create({ "main.py": "precious" });
  const { page } = await pages.open(id);
  await until("its file", async () => (await text(page)).includes("precious"));
  await json(204, await pages.user.call("DELETE", api(id))).catch(() => undefined);
  await shows(page, "[data-testid=strip]", "This sandbox was deleted");
  assert.match(await text(page), /precious/);
  assert.equal(await page.$("[aria-label='New file']"), null);
  assert.equal(await page.$eval("[data-testid=run]", (button) => button.disabled), true);
  await shows(page, SAVED, "Read only");
  await type(page, "not taken");
  assert.match(await text(page), /^precious/);
  const { page: other } = await site.open(`/sandbox/${id}`, { user: pages.user });
  await shows(other, "[role=alert]", "There is no such sandbox");
});

test("a process is started, read and ended", async () => {
  const id = await pages.create({ "main.py": "1" });
  const { page } = await pages.open(id);
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
  assert.equal((await json(200, await pages.user.call("GET", api(id, "/processes?status=running")))).processes.length, 0);
});

test("a port is exposed and shown in a frame of its own, gets another URL, and is taken back", async () => {
  const id = await pages.create({ "index.html": "<h1>Out of the sandbox</h1><script>document.title = document.cookie</script>" });
  await json(201, await pages.user.call("POST", api(id, "/processes"), { command: "python3 -m http.server 8000" }));
  const { page, console } = await pages.open(id);
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
  await until("another URL", async () => (await json(200, await pages.user.call("GET", api(id, "/ports/8000")))).url !== src);
  await press(page, "Unexpose port 8000");
  await until("no port", async () => (await json(200, await pages.user.call("GET", api(id, "/ports")))).ports.length === 0);
  await shows(page, ".t-prev", "No port is exposed");
  assert.deepEqual(console.filter((line) => !line.includes("favicon")), []);
});

test("a snapshot is taken, compared, restored and branched", async () => {
  const id = await pages.create({ "main.py": "one\n", "gone.py": "bye" });
  const { page } = await pages.open(id);
  await shows(page, ".snaps", "No snapshots");
  await press(page, "Take a snapshot");
  await page.type("#snapshot-name", "Answers work");
  await page.keyboard.press("Enter");
  await shows(page, ".snaps ol", "Answers work");
  await pages.write(id, "main.py", "two\n");
  await json(204, await pages.user.call("DELETE", api(id, "/files?path=gone.py"))).catch(() => undefined);
  await press(page, "Actions for the snapshot Answers work");
  await press(page, "Compare with now", "menuitem");
  await shows(page, "[data-testid=diff]", "-one");
  await shows(page, "[data-testid=diff]", "+two");
  await press(page, "Restore /workspace/gone.py");
  await until("the file", async () => (await pages.content(id, "gone.py")) === "bye");
  assert.equal(await pages.content(id, "main.py"), "two\n");
  await page.keyboard.press("Escape");
  await until("no dialog", async () => (await page.$("[role=dialog]")) === null);

  await press(page, "Actions for the snapshot Answers work");
  await press(page, "Restore…", "menuitem");
  await shows(page, "[role=alertdialog]", "All files become those of the snapshot");
  await page.locator("[role=alertdialog] .danger").click();
  await until("the file", async () => (await pages.content(id, "main.py")) === "one\n");
  await shows(page, ".snaps ol", "Before “Answers work”");
  await until("the editor has it", async () => (await text(page)).trim() === "one");

  await press(page, "Actions for the snapshot Answers work");
  await press(page, "Branch", "menuitem");
  await until("the branch", () => !page.url().endsWith(id) && page.url().includes("/sandbox/sbx_"));
  await shows(page, ".crumbs", "Support bot flow, Answers work");
  await until("its file", async () => (await text(page)).trim() === "one");
});

test("the page is as it was left: open files and the side", async () => {
  const id = await pages.create({ "main.py": "1", "b.py": "2" });
  const { page } = await pages.open(id);
  await page.click(row("b.py"));
  await shows(page, ".etab.is-on", "b.py");
  await press(page, "Hide preview and processes");
  await page.reload();
  await shows(page, ".etab.is-on", "b.py");
  assert.equal((await page.$$(".etab")).length, 2);
  await page.waitForSelector("[aria-label='Show preview and processes']");
});

test("a phone shows one part at a time", async () => {
  const id = await pages.create({ "main.py": "print('on a phone')" });
  const { page } = await pages.open(id, { width: 390, height: 844 });
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
