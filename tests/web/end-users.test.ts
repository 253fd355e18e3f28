//! End users on the website: who is counted, what is kept of one, its export, and its erasure behind the id.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json } from "../harness/platform.ts";
import { press, shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());

/** A project in which two end users have run something. */
async function used(email: string) {
  const { user, project } = await site.account(email);
  const key = await site.key(user, project);
  for (const [id, code] of [["u_8841", "print('hers')"], ["u_8841", "print('again')"], ["<b>u</b> 2", "print('his')"]]) await site.docle.run(key, {}, { lang: "python", code, userContext: { id, email: "x@example.com" } });
  await until("the counts", async () => (await json(200, await user.call("GET", `/api/projects/${project}/usage`))).total_runs === 3, 30);
  const runsOf = async (id: string) => (await json(200, await user.call("GET", `/api/projects/${project}/end-users?id=${encodeURIComponent(id)}`))).history.length;
  return { user, project, path: `/projects/${project}?tab=usage`, runsOf };
}
/** Keeps what the page hands over as a file, instead of the browser. */
const catchFiles = (page: Page) => page.evaluateOnNewDocument("URL.createObjectURL = (blob) => { window.handed = blob; return '#'; }");

test("what is kept of an end user is exported with its results", async () => {
  const { user, path } = await used("export@example.com");
  const { page, console } = await site.open("/login", { user });
  await catchFiles(page);
  await page.goto(site.url + path);
  await shows(page, "[aria-labelledby=end-users]", "u_8841");
  await shows(page, "[aria-labelledby=end-users]", "<b>u</b> 2");
  await press(page, "u_8841");
  await shows(page, "[role=dialog]", "print('again')");
  await press(page, "Export");
  await until("the file", async () => (await page.evaluate("window.handed !== undefined")) === true);
  const file = JSON.parse((await page.evaluate("window.handed.text()")) as string);
  assert.deepEqual([file.end_user, file.runs.length, file.runs.map((run: { result: { stdout: string } }) => run.result.stdout).toSorted()], ["u_8841", 2, ["again\n", "hers\n"]]);
  assert.equal(file.runs[0].result.input.code, "print('again')");
  assert.deepEqual(console, []);
});

test("what is kept of an end user is erased, call by call, once the id is typed", async () => {
  const { user, path, runsOf } = await used("erase@example.com");
  const { page } = await site.open(path, { user });
  await shows(page, "[aria-labelledby=end-users]", "u_8841");
  // The service says once that there was more than one call can delete.
  await page.setRequestInterception(true);
  let deletions = 0;
  page.on("request", (request) => void (request.method() === "DELETE" && ++deletions === 1 ? request.respond({ status: 200, contentType: "application/json", body: '{"deleted_runs":0,"complete":false}' }) : request.continue()));
  await page.type("[data-testid=end-user-id]", "u_8841");
  await page.keyboard.press("Enter");
  await shows(page, "[role=dialog]", "print('again')");
  await press(page, "Erase…");
  await shows(page, "[role=alertdialog]", "Erase “u_8841”?");
  const isDisabled = () => page.$eval(".btn.danger", (button) => (button as unknown as { disabled: boolean }).disabled);
  assert.equal(await isDisabled(), true);
  await page.type("#erase-id", "u_8841");
  await until("the button", async () => !(await isDisabled()));
  await page.keyboard.press("Enter");
  await shows(page, ".toasts", "2 runs of u_8841 erased.");
  assert.equal(deletions, 2);
  assert.deepEqual([await runsOf("u_8841"), await runsOf("<b>u</b> 2")], [0, 1]);
  await until("the list without them", async () => !(await textOf(page, "[aria-labelledby=end-users]")).includes("u_8841"));
  await until("the history without them", async () => (await page.$$("table.hist tbody tr")).length === 1);
});

test("an erasure that breaks says that some may be left, and goes on when it is asked again", async () => {
  const { user, path, runsOf } = await used("breaks@example.com");
  const { page } = await site.open(path, { user });
  await press(page, "u_8841");
  await press(page, "Erase…");
  await page.setRequestInterception(true);
  let isDown = true;
  page.on("request", (request) => void (isDown && request.method() === "DELETE" ? request.respond({ status: 503, contentType: "application/problem+json", body: '{"code":"service_unavailable","message":"x","requestId":"r-1"}' }) : request.continue()));
  await page.type("#erase-id", "u_8841");
  await page.keyboard.press("Enter");
  await shows(page, "[role=alertdialog]", "Some of it may be left: erase again.");
  isDown = false;
  await press(page, "Erase everything");
  await shows(page, ".toasts", "2 runs of u_8841 erased.");
  assert.equal(await runsOf("u_8841"), 0);
});

test("an id that nobody has says so", async () => {
  const { user, path } = await used("nobody@example.com");
  const { page } = await site.open(path, { user });
  await page.locator("[data-testid=end-user-id]").fill("nobody");
  await press(page, "Find the end user");
  await shows(page, "[role=dialog]", "Nothing is kept of an end user with this id.");
});

test("axe finds nothing in the list and the dialogs of end users", async () => {
  const { user, path } = await used("axe@example.com");
  for (const theme of ["dark", "light"]) {
    for (const width of [390, 1_280]) {
      const { page } = await site.open(path, { user, theme, width });
      await shows(page, "[aria-labelledby=end-users]", "u_8841");
      assert.deepEqual(await violations(page), []);
      await press(page, "u_8841");
      await shows(page, "[role=dialog]", "print('again')");
      assert.deepEqual(await violations(page), []);
      await press(page, "Erase…");
      await shows(page, "[role=alertdialog]", "Erase");
      assert.deepEqual(await violations(page), []);
    }
  }
});
