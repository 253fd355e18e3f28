//! The terminals of a sandbox in its page: shells, reconnection, sleep, and what a program may not ask for.

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

const STATE = ".pane[data-state=active] [data-testid=shell-state]";
const SCREEN = ".pane[data-state=active] .xterm-rows";
const api = (id: string, path = "") => `/api/v1/sandboxes/${id}${path}`;
const create = async () => (await json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: project, name: "Shells" }))).id as string;
const isOpen = (page: Page) => until("the shell", async () => (await page.$(SCREEN)) !== null && (await textOf(page, STATE)) === "" && (await textOf(page, SCREEN)).includes("$"));

async function open(id: string): Promise<{ page: Page; console: string[] }> {
  const opened = await site.open(`/sandbox/${id}`, { user });
  await isOpen(opened.page);
  return opened;
}
/** Types a line into the shell in front. */
async function line(page: Page, text: string): Promise<void> {
  await page.focus(".pane[data-state=active] .xterm-helper-textarea");
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}
/** Writes a program that a shell may start by its name alone. */
async function script(id: string, name: string, text: string): Promise<void> {
  await json(200, await user.call("POST", api(id, "/files"), { operation: "create", file_path: name, content: text }));
}

test("a shell is typed into, its files come into the tree, and another shell has its own", async () => {
  const id = await create();
  const { page, console } = await open(id);
  await line(page, "x=one; echo $((6 * 7)) > made.txt; cat made.txt");
  await shows(page, SCREEN, "42");
  await page.waitForSelector('[data-path="made.txt"]');
  await press(page, "New terminal");
  await shows(page, ".t-term [role=tab][data-state=active]", "Terminal 2");
  await isOpen(page);
  await line(page, "echo [$x]");
  await shows(page, SCREEN, "[]");
  await line(page, "exit 3");
  await shows(page, STATE, "The shell has ended with exit code 3");
  await press(page, "New shell");
  await isOpen(page);
  const running = async () => (await json(200, await user.call("POST", api(id, "/exec"), { command: "cat /proc/[0-9]*/cmdline | tr '\\0' ' '" }))).stdout as string;
  await line(page, "sleep 4321");
  await until("its program", async () => (await running()).includes("sleep 4321"));
  await press(page, "End this terminal");
  await until("one terminal", async () => (await page.$$(".t-term [role=tab]")).length === 2);
  await until("its program has ended with it", async () => !(await running()).includes("sleep 4321"));
  await line(page, "echo [$x]");
  await shows(page, SCREEN, "[one]");
  assert.deepEqual(console, []);
});

test("a connection that broke comes back with what was on the screen, and says so meanwhile", async () => {
  const id = await create();
  const opened = await site.open("/login", { user });
  const { page } = opened;
  // The browser's own sockets, which the test can break and forbid.
  await page.evaluateOnNewDocument(`
    window.state = { sockets: [], isDown: false };
    window.WebSocket = class extends WebSocket {
      constructor(url, protocols) {
        super(state.isDown ? "ws://127.0.0.1:1/" : url, protocols);
        state.sockets.push(this);
      }
    };
  `);
  await page.goto(`${site.url}/sandbox/${id}`);
  await isOpen(page);
  await line(page, "x=kept; echo before");
  await shows(page, SCREEN, "before");
  await page.evaluate("state.isDown = true; state.sockets.forEach((socket) => socket.close())");
  await shows(page, STATE, "The connection broke. Connecting again.");
  await page.evaluate("state.isDown = false");
  await until("the shell", async () => (await textOf(page, STATE)) === "");
  await shows(page, SCREEN, "before");
  await line(page, "echo [$x]");
  await shows(page, SCREEN, "[kept]");
});

test("a sandbox that is put to sleep ends its shells, and waking it starts a new one", async () => {
  const id = await create();
  const { page } = await open(id);
  await press(page, "Actions for this sandbox");
  await press(page, "Put to sleep", "menuitem");
  await shows(page, STATE, "The sandbox sleeps, and its shells have ended.");
  await shows(page, "[data-testid=state]", "Sleeping");
  const [note, panel] = (await page.evaluate(`[document.querySelector(${JSON.stringify(STATE)}), document.querySelector(".panel")].map((one) => one.getBoundingClientRect().bottom)`)) as [number, number];
  assert.ok(note <= panel, "the way to wake it is not cut off");
  assert.equal((await json(200, await user.call("GET", api(id)))).status, "sleeping");
  await page.locator(`${STATE} button`).click();
  await isOpen(page);
  assert.equal((await json(200, await user.call("GET", api(id)))).status, "running");
});

test("a shell in a page that nobody sees kept its sandbox awake for ever", async () => {
  const { id } = await json(201, await user.call("POST", "/api/v1/sandboxes", { project_id: project, name: "Unseen", runtime_config: { sleepAfter: 1 } }));
  const { page } = await open(id);
  const turn = (state: string) => page.evaluate(`Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`);
  await turn("hidden");
  await until("its sleep", async () => (await json(200, await user.call("GET", api(id)))).status === "sleeping", 30);
  await turn("visible");
  await shows(page, STATE, "The sandbox sleeps, and its shells have ended.");
  await page.locator(`${STATE} button`).click();
  await isOpen(page);
});

test("F6 leaves the terminal, and goes round the parts of the page", async () => {
  const id = await create();
  const { page } = await open(id);
  await page.focus(".xterm-helper-textarea");
  await page.keyboard.press("F6");
  assert.equal(await page.evaluate("document.activeElement?.textContent"), "Terminal 1");
  await page.keyboard.press("F6");
  assert.equal(await page.evaluate("document.activeElement?.textContent"), "Preview");
});

test("keys of the page are those of the program in a terminal", async () => {
  const id = await create();
  await script(id, "keys.sh", "stty raw -echo -ixon; printf 'now\\r\\n'; head -c 3 | od -An -tx1; stty sane\n");
  const { page } = await open(id);
  await line(page, "bash keys.sh");
  await shows(page, SCREEN, "now");
  await page.keyboard.down("Control");
  await page.keyboard.press("s");
  await page.keyboard.press("k");
  await page.keyboard.up("Control");
  await page.keyboard.press("Escape");
  await shows(page, SCREEN, "13 0b 1b");
  assert.equal(await page.$("[role=dialog]"), null);
});

test("a program in a terminal reaches neither the clipboard nor the title, and its links are https alone", async () => {
  const id = await create();
  const clipboard = Buffer.from("stolen").toString("base64");
  const link = (url: string, text: string) => `\\e]8;;${url}\\e\\\\${text}\\e]8;;\\e\\\\\\n`;
  await script(id, "hostile.sh", `printf '\\e]52;c;${clipboard}\\a\\e]0;owned\\a\\e[21t\\e[18t\\e[14t${link("javascript:document.title=1", "script-link")}${link("http://example.com/", "http-link")}${link("https://example.com/safe", "https-link")}<img src=x onerror=document.title=1>\\n'; read -t 0.3 -n 200 answer; echo "answer=[\${#answer}]"\n`);
  const { page, console } = await open(id);
  await page.bringToFront();
  await page.evaluate("navigator.clipboard.writeText('mine')");
  const title = await page.title();
  await line(page, "bash hostile.sh");
  await shows(page, SCREEN, "answer=[0]");
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), "mine");
  assert.equal(await page.title(), title);
  assert.equal(await page.$(".xterm-rows img"), null);
  await page.evaluate("window.opened = []; window.open = (...given) => (opened.push(given), null); window.confirm = () => true");
  for (const text of ["script-link", "http-link", "https-link"]) {
    const row = `Array.from(document.querySelectorAll(".xterm-rows > div")).find((one) => one.textContent.startsWith(${JSON.stringify(text)}))?.getBoundingClientRect()`;
    const at = (await page.evaluate(`((box) => box && [box.left + 20, box.top + box.height / 2])(${row})`)) as [number, number] | undefined;
    assert.ok(at, text);
    await page.mouse.move(at[0] - 5, at[1]);
    await page.mouse.move(...at);
    await page.mouse.click(...at);
  }
  await until("the link", async () => (await page.evaluate("opened.length")) === 1);
  assert.deepEqual(await page.evaluate("opened"), [["https://example.com/safe", "_blank", "noopener,noreferrer"]]);
  assert.deepEqual(console, []);
});
