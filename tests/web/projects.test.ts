//! Projects on the website: the first run, keys that are shown once, usage, settings, and names that are markup.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json } from "../harness/platform.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());

/** Runs what a curl command says. */
async function curl(command: string): Promise<Response> {
  const address = command.match(/curl (\S+)/)?.[1] ?? assert.fail(command);
  const headers = Array.from(command.matchAll(/-H "([^:]+): ([^"]+)"/g), ([, name = "", value = ""]) => [name, value] as [string, string]);
  const body = command.match(/-d '([^']+)'/)?.[1] ?? assert.fail(command);
  return fetch(address.replace("localhost", "127.0.0.1"), { method: "POST", headers, body });
}

test("the first command is right, and the page turns green with its run", async () => {
  const user = await site.docle.signIn("new@example.com");
  const { page, console } = await site.open("/", { user });
  await shows(page, "[data-testid=curl]", "sk_live_");
  await shows(page, "[data-testid=first-run]", "Waiting for the first run");
  const command = await textOf(page, "[data-testid=curl]");
  await press(page, "Copy");
  await shows(page, ".code-head", "Copied");
  assert.equal((await page.evaluate("navigator.clipboard.readText()")) as string, command);
  const key = command.match(/sk_live_[0-9a-f]{48}/)?.[0] ?? "";
  for (const kept of ["JSON.stringify(localStorage)", "JSON.stringify(sessionStorage)", "location.href", "document.cookie"]) {
    assert.ok(!((await page.evaluate(kept)) as string).includes(key), `no key in ${kept}`);
  }

  const ran = await curl(command);
  assert.equal((await json(200, ran)).stdout, "42\n");
  await until("the first run", async () => (await textOf(page, "[data-testid=first-run]")).includes("Your first run arrived"), 30);
  await shows(page, "[data-testid=first-run] .out", "42");
  await shows(page, "[data-testid=first-run] [data-testid=result-line]", "Success");
  await shows(page, "h1", "It runs");
  assert.deepEqual(console, []);

  await page.goto(`${site.url}/`);
  await shows(page, ".proj-grid", "My project");
  assert.ok(!(await page.content()).includes(key), "the key was shown once");
});

test("a page that is opened again makes no second key, and leaving asks for a key that nobody has copied", async () => {
  const user = await site.docle.signIn("again@example.com");
  const { page } = await site.open("/", { user });
  await shows(page, "[data-testid=curl]", "sk_live_");
  await page.click('.nav-item[href="/playground"]');
  await shows(page, "[role=alertdialog]", "Leave without copying the key?");
  await page.keyboard.press("Escape");
  await shows(page, "h1", "Run your first program");
  await page.click('.nav-item[href="/playground"]');
  await press(page, "Copy and leave");
  await shows(page, "h1", "Playground");
  assert.match((await page.evaluate("navigator.clipboard.readText()")) as string, /^sk_live_/);

  await page.goto(`${site.url}/`);
  await shows(page, ".first-hint", "There is a key already");
  await shows(page, "[data-testid=curl]", "$DOCLE_API_KEY");
  const { projects } = await json(200, await user.call("GET", "/api/projects"));
  assert.equal(projects.length, 1);
  const { apiKeys } = await json(200, await user.call("GET", `/api/projects/${projects[0].id}/keys`));
  assert.equal(apiKeys.length, 1);
});

test("a key is created by keyboard, shown once behind a guard, and its first call is noticed", async () => {
  const { user, project } = await site.account("ada@example.com");
  const { page, console } = await site.open(`/projects/${project}`, { user });
  await shows(page, "main", "No keys yet");
  await page.keyboard.press("c");
  await shows(page, "[role=dialog]", "Create a key");
  assert.equal(await page.evaluate("document.activeElement.id"), "key-name");
  await page.keyboard.type("Course exercises");
  await page.type("#key-hosts", "https://x");
  await page.keyboard.press("Enter");
  await shows(page, "[role=dialog]", "A host alone, for example example.com");
  await page.$eval("#key-hosts", (field) => (field as unknown as { select(): void }).select());
  await page.keyboard.press("Backspace");
  await page.focus("#key-name");
  await page.keyboard.press("Enter");
  await shows(page, "[role=dialog]", "Your new key");
  const key = await textOf(page, "[data-testid=new-key]");
  assert.match(key, /^sk_live_[0-9a-f]{48}$/);
  await page.keyboard.press("Escape");
  await shows(page, "[data-testid=guard]", "Close without copying?");
  const done = () => page.$eval(".dialog-foot .btn", (button) => (button as unknown as { disabled: boolean }).disabled);
  assert.equal(await done(), true);
  await press(page, "Copy key");
  await until("Done", async () => !(await done()));
  assert.equal((await page.evaluate("navigator.clipboard.readText()")) as string, key);
  assert.equal((await site.docle.run(key)).status, 200);
  await until("the first call", async () => (await textOf(page, "[data-testid=wait]")).includes("arrived"), 30);
  await press(page, "Done");
  await until("the dialog's end", async () => (await page.$("[role=dialog]")) === null);
  assert.ok(!(await page.content()).includes(key));
  await shows(page, "table", "Course exercises");
  await shows(page, "table", key.slice(0, 12));
  assert.deepEqual(console, []);
});

test("a publishable key needs the hosts of its pages", async () => {
  const { user, project } = await site.account("pk@example.com");
  const { page } = await site.open(`/projects/${project}`, { user });
  await press(page, "Create key");
  await press(page, "Publishable For pages: runs only", "radio");
  await page.click(".dialog-foot .btn.primary");
  await shows(page, "[role=dialog]", "A publishable key names the hosts of its pages");
  await page.type("#key-hosts", "learn.example.com, *.example.org");
  await page.click(".dialog-foot .btn.primary");
  await shows(page, "[data-testid=new-key]", "pk_live_");
  const { apiKeys } = await json(200, await user.call("GET", `/api/projects/${project}/keys`));
  assert.deepEqual(apiKeys[0].allowed_domains.toSorted(), ["*.example.org", "learn.example.com"]);
});

test("a management token has an end and no pages, and makes keys", async () => {
  const { user, project } = await site.account("mt@example.com");
  const { page } = await site.open(`/projects/${project}`, { user });
  await press(page, "Create key");
  await press(page, "Management Makes keys, reads usage", "radio");
  assert.equal(await page.$("#key-hosts"), null);
  await page.click(".dialog-foot .btn.primary");
  await shows(page, "[data-testid=new-key]", "mt_live_");
  const token = await textOf(page, "[data-testid=new-key]");
  const path = `/api/projects/${project}/keys`;
  const { apiKeys } = await json(200, await user.call("GET", path));
  assert.deepEqual([apiKeys[0].type, apiKeys[0].allowed_domains, typeof apiKeys[0].expires_at], ["management", [], "string"]);
  await json(201, await fetch(site.url + path, { method: "POST", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: "{}" }));
});

test("a key is revoked by its name, and fails on the next call", async () => {
  const { user, project } = await site.account("revoke@example.com");
  const key = await site.key(user, project, { name: "Old laptop" });
  const { page } = await site.open(`/projects/${project}`, { user });
  await press(page, "Actions for Old laptop");
  await press(page, "Revoke…", "menuitem");
  await shows(page, "[role=alertdialog]", "Revoke “Old laptop”?");
  const disabled = () => page.$eval(".btn.danger", (button) => (button as unknown as { disabled: boolean }).disabled);
  assert.equal(await disabled(), true);
  await page.type("#revoke-name", "Old laptop");
  await until("the button", async () => !(await disabled()));
  await page.keyboard.press("Enter");
  await shows(page, "table", "1 revoked or expired");
  assert.equal((await site.docle.run(key)).status, 401);
});

test("a key is rotated, and both work", async () => {
  const { user, project } = await site.account("rotate@example.com");
  const old = await site.key(user, project, { name: "Staging" });
  const { page } = await site.open(`/projects/${project}`, { user });
  await press(page, "Actions for Staging");
  await press(page, "Rotate", "menuitem");
  await shows(page, "[role=dialog]", "Rotate “Staging”");
  await page.click(".dialog-foot .btn.primary");
  await shows(page, "[data-testid=new-key]", "sk_live_");
  for (const key of [old, await textOf(page, "[data-testid=new-key]")]) assert.equal((await site.docle.run(key)).status, 200);
});

test("usage tells what the API tells, and a run opens with output and program", async () => {
  const { user, project } = await site.account("usage@example.com");
  const key = await site.key(user, project);
  await site.docle.run(key, {}, { lang: "python", code: "print('\\x1b[31mred\\x1b[0m')" });
  await site.docle.run(key, {}, { lang: "python", code: "raise SystemExit(3)" });
  await until("the counts", async () => (await json(200, await user.call("GET", `/api/projects/${project}/usage`))).total_runs === 2, 30);
  const { page, console } = await site.open(`/projects/${project}?tab=usage`, { user });
  await shows(page, ".stats", "1 of 2");
  await page.select("select[aria-label=Status]", "error");
  await until("one row", async () => (await page.$$("table.hist tbody tr")).length === 1);
  await page.select("select[aria-label=Status]", "");
  await until("both rows", async () => (await page.$$("table.hist tbody tr")).length === 2);
  await page.select("select[aria-label=Status]", "error");
  await page.select("select[aria-label=Language]", "python");
  await shows(page, "table.hist", "SystemExit");
  await until("one row", async () => (await page.$$("table.hist tbody tr")).length === 1);
  await page.select("select[aria-label=Status]", "");
  await page.select("select[aria-label=Language]", "");
  await until("both rows", async () => (await page.$$("table.hist tbody tr")).length === 2);
  await page.click("table.hist tbody tr:last-child a");
  await shows(page, "[data-testid=run-drawer] .out", "red");
  assert.equal(await textOf(page, "[data-testid=run-drawer] .out .ansi-red"), "red");
  await shows(page, "[data-testid=run-drawer]", "print(");
  await page.keyboard.press("k");
  await shows(page, "[data-testid=run-drawer] [data-testid=result-line]", "exit 3");
  await page.keyboard.press("Escape");
  await until("the drawer's end", async () => (await page.$("[data-testid=run-drawer]")) === null);
  assert.equal(await page.evaluate("document.activeElement.tagName"), "A", "the focus is where it was");
  assert.deepEqual(console, []);
});

test("the history had no runs older than the page that was loaded, once a filter was chosen", async () => {
  const { user, project } = await site.account("history@example.com");
  const key = await site.key(user, project);
  await site.docle.run(key, {}, { lang: "python", code: "raise SystemExit(3)" });
  for (let at = 0; at < 52; at += 1) await site.docle.run(key, {}, { lang: "python", code: `print(${at})` });
  await until("the counts", async () => (await json(200, await user.call("GET", `/api/projects/${project}/usage`))).total_runs === 53, 60);
  const { page } = await site.open(`/projects/${project}?tab=usage`, { user });
  await until("a page", async () => (await page.$$("table.hist tbody tr")).length === 50);
  await page.select("select[aria-label=Status]", "error");
  await until("the oldest run", async () => (await textOf(page, "table.hist tbody")).includes("SystemExit"));
  await page.select("select[aria-label=Status]", "");
  await until("a page", async () => (await page.$$("table.hist tbody tr")).length === 50);
  await press(page, "Earlier runs");
  await until("all runs", async () => (await page.$$("table.hist tbody tr")).length === 53);
});

test("a project is renamed, made private and deleted by its name", async () => {
  const { user, project } = await site.account("settings@example.com", "Lesson site");
  const { page } = await site.open(`/projects/${project}?tab=settings`, { user });
  await page.locator("#project-rename").fill("Lessons");
  await page.keyboard.press("Enter");
  await shows(page, ".crumbs", "Lessons");
  await shows(page, ".activity", "Project created");
  await page.click("input[role=switch]");
  await until("private results", async () => (await json(200, await user.call("GET", `/api/projects/${project}`))).private_results === true);
  await press(page, "Delete project…");
  await page.type("#delete-name", "Lessons");
  await page.keyboard.press("Enter");
  await until("the first page", () => Promise.resolve(new URL(page.url()).pathname === "/"));
  assert.equal((await user.call("GET", `/api/projects/${project}`)).status, 404);
});

test("names that are markup are text", async () => {
  const name = `<img src=x onerror="window.hacked=1">{{1+1}}`;
  const { user, project } = await site.account("xss@example.com", name);
  const key = await site.key(user, project, { name });
  await site.docle.run(key, {}, { lang: "python", code: `print('<script>window.hacked=1</script>\\x1b]8;;javascript:window.hacked=1\\x07link\\x1b]8;;\\x07')  # ${name}` });
  await until("the run", async () => (await json(200, await user.call("GET", `/api/projects/${project}/usage`))).total_runs === 1, 30);
  for (const path of ["/", `/projects/${project}`, `/projects/${project}?tab=usage`, `/projects/${project}?tab=settings`]) {
    const { page } = await site.open(path, { user });
    await shows(page, "body", "<img src=x");
    if (path.endsWith("usage")) {
      await page.waitForSelector("table.hist a");
      await page.click("table.hist a");
      await shows(page, "[data-testid=run-drawer] .out", "<script>window.hacked=1</script>link");
      assert.equal(await page.$(".out a"), null);
    }
    assert.equal(await page.evaluate("window.hacked"), undefined, path);
    assert.equal(await page.$("main img"), null, path);
    assert.ok(!(await textOf(page, "body")).includes("onerror=\"window.hacked=1\">2"), "no template of names");
  }
});

test("a project of another account is not there", async () => {
  const { project } = await site.account("owner@example.com");
  const { user } = await site.account("other@example.com");
  const { page } = await site.open(`/projects/${project}`, { user });
  await shows(page, "main", "There is no such project, or it belongs to another account.");
});
