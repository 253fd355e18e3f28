//! The playground for several people: a room, links into it, and what each of them sees.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import * as Y from "yjs";
import { json, type User } from "../harness/platform.ts";
import { everybodyLeaves, YjsPerson } from "../harness/rooms.ts";
import { press, shows, Site, type SitePage, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(async () => {
  everybodyLeaves();
  await site.stop();
});
let user: User;
let project: string;
before(async () => ({ user, project } = await site.account("ada@example.com")));

const LINE = "[data-testid=result-line]";
const OUTPUT = "[data-testid=output]";
/** The text of the editor, without the carets of others. */
const code = async (page: Page) => (await page.evaluate(`Array.from(document.querySelectorAll(".cm-line"), (line) => { const copy = line.cloneNode(true); copy.querySelectorAll(".peer-caret").forEach((caret) => caret.remove()); return copy.textContent; }).join("\\n")`)) as string;
const has = (page: Page, text: string) => until(`the text ${JSON.stringify(text)}`, async () => (await code(page)) === text);

/** Makes a room as Ada; answers with her page and the address of the room. */
async function makeRoom(): Promise<SitePage & { room: string }> {
  const opened = await site.open("/playground/collab", { user });
  await shows(opened.page, "#main", "Write and run one program together");
  await opened.page.$eval("#join-name", (field) => (field.value = ""));
  await opened.page.type("#join-name", "Ada");
  await press(opened.page, "Make a room");
  await shows(opened.page, "[data-testid=connection]", "Live");
  const room = new URL(opened.page.url()).hash.slice(1);
  assert.match(room, /^room_[0-9a-f]+$/);
  return { ...opened, room };
}
/** A link that Ada's page makes. */
async function invite(page: Page, role: string): Promise<string> {
  await press(page, "Invite");
  await page.waitForSelector("#invite-role");
  await page.select("#invite-role", role);
  await press(page, "Copy link");
  await until("the link", async () => ((await page.$eval(".invite-link input", (field) => field.value).catch(() => "")) as string).includes("#room_"));
  const link = (await page.evaluate("navigator.clipboard.readText()")) as string;
  await page.keyboard.press("Escape");
  await until("no dialog", async () => (await page.$("[role=dialog]")) === null);
  return link.slice(site.url.length);
}
/** A person without an account who follows a link. */
async function follow(link: string, name: string): Promise<SitePage> {
  const opened = await site.open(link);
  await shows(opened.page, "#main", "Join the room");
  await opened.page.type("#join-name", name);
  await press(opened.page, "Join");
  await shows(opened.page, "[data-testid=connection]", "Live");
  return opened;
}
async function type(page: Page, text: string): Promise<void> {
  await page.focus(".cm-content");
  await page.keyboard.type(text);
}

test("two people write one program, see each other, and see what it prints", async () => {
  const { page: ada, room, console } = await makeRoom();
  await type(ada, "print(input())");
  const { page: bob, console: bobs } = await follow(await invite(ada, "editor"), "Bob");
  await has(bob, "print(input())");
  assert.equal(new URL(bob.url()).hash, `#${room}`, "the address gives no token away");
  // Whose window is in the background has no cursor.
  await bob.emulateFocusedPage(true);
  await bob.focus(".cm-content");
  await bob.keyboard.down("Control");
  await bob.keyboard.press("Home");
  await bob.keyboard.up("Control");
  await bob.keyboard.type("# by Bob\n");
  await has(ada, "# by Bob\nprint(input())");
  await shows(ada, ".peer-flag", "Bob");
  await shows(ada, ".heads", "Bob");
  await shows(bob, ".heads", "Ada");

  await bob.click(".tab-list .tab:nth-child(2)");
  await bob.type(".stdin", "from Bob");
  await bob.click("[data-testid=run]");
  for (const page of [ada, bob]) {
    await shows(page, LINE, "Success");
    await shows(page, OUTPUT, "from Bob");
    await shows(page, ".ran", "Bob ran this");
  }
  await until("the program has ended", async () => (await ada.$("[data-testid=run]")) !== null);
  await ada.click("[data-testid=run]");
  await shows(bob, ".ran", "Ada ran this");
  // The service is asked who Bob is, and it is nobody.
  assert.deepEqual([console, bobs.filter((line) => !line.includes("401"))], [[], []]);
  const stored = (await bob.evaluate("JSON.stringify({...localStorage})")) as string;
  assert.ok(!stored.includes("room_"), stored);
});

test("a person who may run stops a run that another one has started, and a viewer does not", async () => {
  const { page: ada } = await makeRoom();
  await type(ada, "import time\nprint('first', flush=True)\nwhile True: time.sleep(0.1)");
  const { page: rob } = await follow(await invite(ada, "runner"), "Rob");
  const { page: eve } = await follow(await invite(ada, "viewer"), "Eve");
  await has(rob, await code(ada));
  await ada.click("[data-testid=run]");
  for (const page of [ada, rob, eve]) {
    await shows(page, OUTPUT, "first");
    await shows(page, ".ran", "Ada runs this");
  }
  assert.equal(await eve.$("[data-testid=stop]"), null);
  await rob.click("[data-testid=stop]");
  for (const page of [ada, rob, eve]) {
    await shows(page, LINE, "Cancelled");
    assert.equal(await textOf(page, OUTPUT), "first\n", "what came stays");
  }
  await rob.click("[data-testid=run]");
  await shows(ada, LINE, "Running");
  await ada.keyboard.down("Control");
  await ada.keyboard.press(".");
  await ada.keyboard.up("Control");
  await shows(rob, LINE, "Cancelled");
});

test("an undo takes back one's own typing only", async () => {
  const { page: ada } = await makeRoom();
  await type(ada, "a = 1");
  const { page: bob } = await follow(await invite(ada, "editor"), "Bob");
  await has(bob, "a = 1");
  await bob.focus(".cm-content");
  await bob.keyboard.press("End");
  await bob.keyboard.type("\nb = 2");
  await has(ada, "a = 1\nb = 2");
  await ada.focus(".cm-content");
  await ada.keyboard.down("Control");
  await ada.keyboard.press("z");
  await ada.keyboard.up("Control");
  await has(ada, "\nb = 2");
  await has(bob, "\nb = 2");
});

test("who looks on neither writes nor runs, and who looks on and runs does not write", async () => {
  const { page: ada } = await makeRoom();
  await type(ada, "print('once')");
  const { page: eve } = await follow(await invite(ada, "viewer"), "Eve");
  await has(eve, "print('once')");
  assert.equal(await eve.$("[data-testid=run]"), null);
  await shows(eve, ".t-bar", "You look on");
  await type(eve, "x");
  const { page: rob } = await follow(await invite(ada, "runner"), "Rob");
  await rob.click("[data-testid=run]");
  await shows(eve, OUTPUT, "once");
  await has(eve, "print('once')");
  await has(ada, "print('once')");
});

test("a stock client of Yjs is in the same room", async () => {
  const { page: ada, room } = await makeRoom();
  const key = await site.key(user, project);
  const { token } = await json(201, await site.docle.send(`/api/rooms/${room}/tokens`, { role: "editor", name: "Stock" }, { authorization: `Bearer ${key}` }));
  const person = await new YjsPerson(site.docle.worker.url, room, { token }).synced();
  person.type(0, "print('stock')");
  await has(ada, "print('stock')");
  const at = (index: number) => JSON.parse(JSON.stringify(Y.createRelativePositionFromTypeIndex(person.text, index)));
  person.provider.awareness.setLocalStateField("user", { name: "Stock", color: "#51cf66", colorLight: "#51cf6633" });
  person.provider.awareness.setLocalStateField("cursor", { anchor: at(0), head: at(5) });
  await shows(ada, ".peer-flag", "Stock");
  await until("the selection", async () => (await textOf(ada, ".peer-selection.hue-1")) === "print");
  // What another client says of itself is text and a number, whatever it is.
  person.provider.awareness.setLocalStateField("user", { name: "<img src=x onerror=window.hacked=1>", color: "red; background: url(x)" });
  person.provider.awareness.setLocalStateField("cursor", { anchor: "nowhere", head: 7 });
  await shows(ada, ".heads", "<img");
  await until("no flag", async () => (await ada.$(".peer-flag")) === null);
  assert.equal(await ada.evaluate("window.hacked"), undefined);
  await type(ada, " # Ada");
  await until("her typing", () => person.code.includes("# Ada"));
});

test("a room that was deleted says so, and the text stays to be copied", async () => {
  const { page: ada, room } = await makeRoom();
  await type(ada, "kept = True");
  const key = await site.key(user, project);
  assert.equal((await site.docle.fetch(`/api/rooms/${room}`, { method: "DELETE", headers: { authorization: `Bearer ${key}` } })).status, 204);
  await shows(ada, "[data-testid=connection]", "Closed");
  await shows(ada, ".room-closed", "deleted");
  await has(ada, "kept = True");
});

test("a link that is not whole is said to be, and without an account there is a way to sign in", async () => {
  const { page } = await site.open("/playground/collab");
  await shows(page, "#main", "Sign in to make a room");
  const { page: broken } = await site.open(`/playground/collab#room_${"0".repeat(32)}.cut`);
  await shows(broken, "#main", "This link does not open the room");
});

test("axe finds nothing in a room and in its dialog", async () => {
  for (const theme of ["dark", "light"]) {
    const { page: ada } = await makeRoom();
    await type(ada, "print(1)");
    await ada.evaluate(`document.documentElement.dataset.theme = "${theme}"`);
    assert.deepEqual(await violations(ada), []);
    await press(ada, "Invite");
    await ada.waitForSelector("#invite-role");
    assert.deepEqual(await violations(ada), []);
  }
});
