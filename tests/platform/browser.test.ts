//! What a real browser lets pages of other sites do with a key, and with a user's session.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TestBrowser, type Fetched } from "../harness/browser.ts";
import { json, Platform, type User } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
const browser = await TestBrowser.start();
after(async () => {
  await browser.stop();
  await docle.stop();
});

const api = (path: string) => docle.worker.url + path;
const asJson = { "content-type": "application/json" };

/** A user with a project and a key for the pages of app.localhost, whose session the browser holds, too. */
async function owner(email: string): Promise<{ user: User; project: string; key: string }> {
  const user = await docle.signIn(email);
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const { key } = await json(201, await user.call("POST", `/api/projects/${project}/keys`, { allowedDomains: ["app.localhost"] }));
  const [name = "", value = ""] = user.cookie.split("=");
  await browser.browser.setCookie({ name, value, domain: new URL(docle.worker.url).hostname, path: "/", httpOnly: true, sameSite: "Lax" });
  return { user, project, key };
}

const { user, project, key } = await owner("ada@example.com");

const run: RequestInit = { method: "POST", headers: { ...asJson, authorization: `Bearer ${key}`, "x-request-id": "from-a-page" }, body: JSON.stringify({ lang: "python", code: "print(1)" }) };

test("a page of an allowed domain runs a program, and reads result and limit", async () => {
  const tab = await browser.open(browser.address("app.localhost"));
  const answer = await tab.fetch(api("/api/run"), run);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(JSON.parse(answer.text).stdout, "1\n");
  assert.equal(answer.headers["x-request-id"], "from-a-page");
  const menu = await tab.fetch(api("/languages"), {});
  assert.equal(menu.status, 200, "a page elsewhere may show which languages there are");
  assert.deepEqual([answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]], ["60", "59"]);
  const asked = () => docle.worker.logs.some((line) => line.includes('"http.method":"OPTIONS","http.route":"/api/run"'));
  await until("the log of the browser's question before its call", asked);
});

test("a page of another domain is refused by the key, with an error that it can read", async () => {
  for (const host of ["evil.localhost", "app.localhost.evil.localhost"]) {
    const tab = await browser.open(browser.address(host));
    const answer = await tab.fetch(api("/api/run"), run);
    assert.deepEqual([answer.status, JSON.parse(answer.text).code], [403, "domain_not_allowed"]);
  }
});

test("a page of another site neither reads nor changes anything with the session", async () => {
  // The second is of the same site, only at another port, so that the browser sends the cookie along.
  for (const host of ["evil.localhost", new URL(docle.worker.url).hostname]) {
    const tab = await browser.open(browser.address(host));
    const tries: [string, RequestInit][] = [
      ["/auth/me", {}],
      ["/api/projects", {}],
      ["/api/projects", { method: "POST", headers: asJson, body: '{"name":"Stolen"}' }],
      ["/api/projects", { method: "POST", headers: { "content-type": "text/plain" }, body: '{"name":"Stolen"}' }],
      ["/auth/logout", { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body: "{}" }],
      [`/api/projects/${project}`, { method: "DELETE" }],
    ];
    for (const [path, init] of tries) {
      const answer: Fetched = await tab.fetch(api(path), { credentials: "include", ...init });
      assert.ok(answer.status === null || (answer.status === 0 && answer.text === ""), `${host} ${path}: ${answer.text}`);
    }
    // A form is sent without a preflight, and its answer is a page that the browser shows to its user.
    await Promise.all([
      tab.page.waitForNavigation(),
      tab.page.evaluate(`
        const form = document.body.appendChild(document.createElement("form"));
        Object.assign(form, { method: "post", action: ${JSON.stringify(api("/auth/logout"))}, enctype: "text/plain" });
        form.submit();
      `),
    ]);
    assert.match(String(await tab.page.evaluate("document.body.innerText")), /"status":403/);
  }
  const { projects } = await json(200, await user.call("GET", "/api/projects"));
  assert.deepEqual(projects.map(({ name }: { name: string }) => name), ["Shop"]);
});

test("our own page uses the session", async () => {
  const tab = await browser.open(api("/"));
  assert.equal(JSON.parse((await tab.fetch("/auth/me")).text).email, "ada@example.com");
  const made = await tab.fetch("/api/projects", { method: "POST", headers: asJson, body: '{"name":"Second"}' });
  assert.equal(made.status, 201, made.text);
});
