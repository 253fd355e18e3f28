//! The account and the runs of all projects, in a real browser.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json } from "../harness/platform.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";
import { deviceOf } from "../../web/src/features/account/device.ts";

const site = await Site.start();
after(() => site.stop());

test("a session is named after its browser and system, and anything else by its first word", () => {
  const table: [agent: string | null, name: string, kind: string][] = [
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux", "computer"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", "Safari on iOS", "phone"],
    ["Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome on Android", "phone"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Edge on Windows", "computer"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", "Safari on macOS", "computer"],
    ["curl/8.11.0", "curl/8.11.0", "program"],
    ["Firefox/1 pretender", "Firefox/1", "program"],
    [`${"<b>".repeat(100)} x`, "<b>".repeat(100).slice(0, 40), "program"],
    ["  ", "Unknown", "program"],
    [null, "Unknown", "program"],
  ];
  for (const [agent, name, kind] of table) assert.deepEqual(deviceOf(agent), { name, kind }, String(agent));
});

test("another device is signed out, and all others at once", async () => {
  const email = "devices@example.com";
  const user = await site.docle.signIn(email);
  const [other, third, fourth] = [await site.docle.signIn(email), await site.docle.signIn(email), await site.docle.signIn(email)];
  const { page, console } = await site.open("/account", { user });
  await shows(page, ".address", email);
  await until("four sessions", async () => (await page.$$(".sessions li")).length === 4);
  assert.match(await textOf(page, ".sessions li:first-child"), /This device/);
  await page.click(".sessions li:nth-child(2) button");
  await until("three sessions", async () => (await page.$$(".sessions li")).length === 3);
  const status = async (one: typeof user) => (await one.call("GET", "/auth/me")).status;
  const open = await Promise.all([other, third, fourth].map(status));
  assert.deepEqual(open.toSorted(), [200, 200, 401]);
  await press(page, "Sign out everywhere else");
  await until("one session", async () => (await page.$$(".sessions li")).length === 1);
  assert.deepEqual(await Promise.all([user, other, third, fourth].map(status)), [200, 401, 401, 401]);
  assert.deepEqual(console, []);
});

test("the export is everything that the API exports", async () => {
  const { user } = await site.account("export@example.com", "Exported");
  const { page } = await site.open("/account", { user });
  await shows(page, ".address", "export@example.com");
  await page.evaluate(`URL.createObjectURL = (file) => { window.saved = file; return "blob:none"; }; HTMLAnchorElement.prototype.click = function () { window.savedAs = this.download; };`);
  await press(page, "Export");
  await until("a file", async () => (await page.evaluate("window.savedAs")) !== undefined);
  assert.match(String(await page.evaluate("window.savedAs")), /^docle-\d{4}-\d\d-\d\d\.json$/);
  const saved = JSON.parse(String(await page.evaluate("window.saved.text()")));
  assert.deepEqual([saved.account.email, saved.projects[0].project.name], ["export@example.com", "Exported"]);
});

test("an account is deleted by its address, and by nothing less", async () => {
  const { user } = await site.account("delete@example.com");
  const { page } = await site.open("/account", { user });
  await press(page, "Delete account…");
  await page.type("#delete-address", "delete@example.org");
  assert.equal(await page.$eval("[role=alertdialog] .btn.danger", (button) => (button as unknown as { disabled: boolean }).disabled), true);
  await page.locator("#delete-address").fill("Delete@Example.com");
  await page.keyboard.press("Enter");
  await until("the sign-in page", () => Promise.resolve(new URL(page.url()).pathname === "/login"));
  assert.equal((await user.call("GET", "/auth/me")).status, 401);
});

test("the runs of all projects are one list with one sum, and a new run appears by itself", async () => {
  const { user, project } = await site.account("runs@example.com", "First");
  const second = (await json(201, await user.call("POST", "/api/projects", { name: "Second" }))).id;
  const [one, other] = [await site.key(user, project), await site.key(user, second)];
  await site.docle.run(one, {}, { lang: "python", code: "print('first')" });
  await site.docle.run(other, {}, { lang: "python", code: "raise SystemExit(4)" });
  const total = async (id: string) => (await json(200, await user.call("GET", `/api/projects/${id}/usage`))).total_runs;
  await until("the counts", async () => (await total(project)) === 1 && (await total(second)) === 1, 30);
  const { page, console } = await site.open("/dashboard", { user });
  await shows(page, ".stats", "1 of 2");
  await shows(page, ".stats", "of 2 projects");
  await shows(page, ".stats", "Duration, p50");
  await until("both runs", async () => (await page.$$("table.hist tbody tr")).length === 2);
  await page.select("select[aria-label=Project]", second);
  await until("one run", async () => (await page.$$("table.hist tbody tr")).length === 1);
  await shows(page, ".stats", "0 of 1");
  await page.select("select[aria-label=Project]", "");
  await page.select("select[aria-label=Status]", "error");
  await until("the one that failed", async () => (await textOf(page, "table.hist tbody")).includes("SystemExit"));
  await page.select("select[aria-label=Status]", "");
  await site.docle.run(one, {}, { lang: "python", code: "print('new')" });
  await until("the new run", async () => (await textOf(page, "table.hist tbody")).includes("new"), 30);
  await page.click("table.hist a");
  await shows(page, "[data-testid=run-drawer]", "Program");
  assert.deepEqual(console, []);
});
