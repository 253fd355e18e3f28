//! What goes wrong around the playground: a reload in the middle, two tabs, a full store, a wrong clock, a session that ends.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json, type User } from "../harness/platform.ts";
import { shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());
let user: User;
let project: string;
before(async () => ({ user, project } = await site.account("ada@example.com")));

const LINE = "[data-testid=result-line]";
const code = (page: Page) => textOf(page, ".cm-content");
const keep = (page: Page, program: object) => page.evaluate((text) => localStorage.setItem("docle.playground", text), JSON.stringify({ lang: "python", ...program }));
/** Opens the playground with a program; `script` runs before those of the page. */
async function open(program: object, script?: string): Promise<Page> {
  const { page } = await site.open("/login", { user });
  await keep(page, program);
  if (script !== undefined) await page.evaluateOnNewDocument(script);
  await page.goto(`${site.url}/playground`);
  await page.waitForSelector(".cm-content");
  return page;
}
const run = (page: Page) => page.click("[data-testid=run]");
const newest = async () => (await json(200, await user.call("GET", `/api/runs?project=${project}&limit=1`))).history[0];

test("a reload in the middle of a run ends it, and the program is still there", async () => {
  for (const input of ["text", "typed"]) {
    const program = `import time  # ${input}\nprint('first', flush=True)\nwhile True: time.sleep(0.1)`;
    const page = await open({ code: program, input, timeoutMs: 60_000 });
    await run(page);
    await shows(page, "[data-testid=output]", "first");
    await page.reload();
    await until("the program", async () => (await code(page)).includes(`# ${input}`));
    await until("its end", async () => {
      const last = await newest();
      return last?.status === "cancelled" && last.code_snippet.includes(`# ${input}`);
    }, 30);
  }
});

test("two tabs have a program each, and the one that was written last is kept", async () => {
  const page = await open({ code: "first = 1" });
  const other = await page.browserContext().newPage();
  await other.goto(`${site.url}/playground`);
  await until("the program", async () => (await code(other)) === "first = 1");
  await other.focus(".cm-content");
  await other.keyboard.type("other = 2\n");
  await until("it is kept", async () => ((await other.evaluate("localStorage.getItem('docle.playground')")) as string).includes("other = 2"));
  assert.equal(await code(page), "first = 1", "nobody types into the other tab");
  await page.bringToFront();
  await page.reload();
  await until("what was written last", async () => (await code(page)) === "other = 2first = 1");
});

test("a full store is told once, and the program runs all the same", async () => {
  const page = await open({ code: "print('runs')" });
  await page.evaluate("for (let size = 4_194_304; size >= 1; size = Math.floor(size / 2)) for (;;) try { localStorage.setItem('fill' + localStorage.length, 'x'.repeat(size)); } catch { break; }");
  await page.focus(".cm-content");
  await page.keyboard.type("# longer than before, and again\n");
  await shows(page, ".toasts", "There is no room left in this browser.");
  assert.equal((await page.$$(".toasts .toast")).length, 1);
  await until("no promise", async () => (await page.$(".saved")) === null);
  await run(page);
  await shows(page, LINE, "Success");
});

test("a clock that is a day ahead or behind runs programs, and tells no time to come", async () => {
  for (const skew of [86_400_000, -86_400_000]) {
    const page = await open({ code: "print('runs')" }, `Date.now = ((now) => () => now() + ${skew})(Date.now.bind(Date))`);
    for (let times = 0; times < 2; times += 1) {
      await run(page);
      await until("the end", async () => (await page.$$(`${LINE}`)).length === 1 && (await textOf(page, LINE)).includes("Success"));
    }
    await page.click(".tab-list .tab:last-child");
    assert.doesNotMatch(await textOf(page, ".past"), /-\d/);
  }
});

test("a token that the service does not take any more, because a clock is behind, is made again", async () => {
  const page = await open({ code: "print('runs')" });
  await run(page);
  await shows(page, LINE, "Success");
  await page.setRequestInterception(true);
  let refusals = 1;
  page.on("request", (request) => {
    if (request.method() !== "POST" || !request.url().endsWith("/api/run") || refusals-- <= 0) return void request.continue();
    void request.respond({ status: 401, contentType: "application/problem+json", body: JSON.stringify({ code: "invalid_token", message: "x", requestId: "r" }) });
  });
  const asked = page.waitForRequest((request) => request.url().endsWith("/tokens"));
  await run(page);
  await asked;
  await shows(page, LINE, "Success");
});

test("a session that ends under the playground leads to the form, and the program is there afterwards", async () => {
  const other = await site.docle.signIn("ends@example.com");
  const { page } = await site.open("/login", { user: other });
  await keep(page, { code: "mine = True" });
  await page.goto(`${site.url}/playground`);
  await until("the program", async () => (await code(page)) === "mine = True");
  await other.call("POST", "/auth/logout", {});
  await run(page);
  await shows(page, "h1", "Sign in");
  assert.equal(new URL(page.url()).searchParams.get("next"), "/playground");
  const again = await site.docle.signIn("ends@example.com");
  const [name = "", value = ""] = again.cookie.split("=");
  await page.browserContext().setCookie({ name, value, domain: "localhost", path: "/", httpOnly: true, sameSite: "Lax" });
  await page.goto(`${site.url}/playground`);
  await until("the program", async () => (await code(page)) === "mine = True");
});
