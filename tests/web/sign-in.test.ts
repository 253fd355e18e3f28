//! Signing in on the website: the form, the link, where one comes back to, and the way out.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, newNetwork } from "../harness/platform.ts";
import { press, shows, Site, textOf, violations } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());

/** The address of the mailed link, by the name that the browser uses. */
async function link(email: string): Promise<string> {
  await site.docle.mailedToken(email);
  const { messages } = (await (await site.docle.fetch("/auth/outbox")).json()) as { messages: { to: string; text: string }[] };
  const found = messages.find(({ to }) => to === email)?.text.match(/https?:\S+/)?.[0] ?? assert.fail("no link");
  return site.url + found.slice(new URL(found).origin.length);
}

test("a page that needs a session leads to the form, and the link in the mail back to the page", async () => {
  const { page, console } = await site.open("/playground?project=x");
  await shows(page, "h1", "Sign in");
  assert.equal(new URL(page.url()).searchParams.get("next"), "/playground?project=x");
  await page.type("input[name=email]", "ada@example.com");
  await page.keyboard.press("Enter");
  await shows(page, "[data-testid=sent]", "Check your mail");
  await shows(page, "[data-testid=sent]", "ada@example.com");
  assert.match(await textOf(page, "[data-testid=sent]"), /Send again in [01]:\d\d/);

  await page.goto(await link("ada@example.com"));
  await Promise.all([page.waitForNavigation(), page.click("button")]);
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, "/playground?project=x");
  await shows(page, "h1", "Playground");
  await shows(page, ".me", "ada@example.com");
  assert.deepEqual(console.filter((line) => !line.includes("401")), [], "nothing of the page was blocked");

  await page.goto(`${site.url}/login?next=/playground`);
  await shows(page, "h1", "Playground");
  await page.click(".me");
  await press(page, "Sign out", "menuitem");
  await shows(page, "h1", "Sign in");
  assert.equal((await page.cookies()).length, 0);
  await page.goto(`${site.url}/`);
  await shows(page, "h1", "Sign in");
});

test("a link to sign in led to another site", async () => {
  const user = await site.docle.signIn("eve@example.com");
  for (const next of ["//evil.localhost", "/\\evil.localhost", "https://evil.localhost/", "/\t/evil.localhost", "javascript:alert(1)"]) {
    const { page } = await site.open(`/login?next=${encodeURIComponent(next)}`, { user });
    await shows(page, "h1", "program");
    assert.equal(new URL(page.url()).origin, site.url, next);
  }
});

test("a wrong address is named at its field, and the focus is there", async () => {
  const { page } = await site.open("/login");
  await shows(page, "h1", "Sign in");
  await page.type("input[name=email]", "ada");
  await press(page, "Email me a link");
  await shows(page, "#mail-wrong", "An address such as ada@example.com");
  assert.equal(await page.evaluate("document.activeElement.id"), "mail");
  assert.equal(await page.$eval("#mail", (field) => field.getAttribute("aria-describedby")), "mail-wrong");
});

test("too many links from one network are told with the time until the next one", async () => {
  const { page } = await site.open("/login");
  await shows(page, "h1", "Sign in");
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (!request.url().endsWith("/auth/request")) return void request.continue();
    const body = JSON.stringify({ code: "too_many_requests", message: "Rate limit exceeded.", retry_after: 588 });
    void request.respond({ status: 429, headers: { "retry-after": "588" }, contentType: "application/problem+json", body });
  });
  await page.type("input[name=email]", "ada@example.com");
  await page.keyboard.press("Enter");
  await shows(page, "[data-testid=limited]", "Too many links from this network.");
  assert.match(await textOf(page, "[data-testid=limited]"), /9:4\d/);
  assert.equal(await page.$eval(".submit", (button) => (button as unknown as { disabled: boolean }).disabled), true);
});

test("a session that ends under a page leads to the form and back", async () => {
  const { user } = await site.account("bob@example.com");
  const { page } = await site.open("/", { user });
  // The page asks only for a key that is there.
  await shows(page, "[data-testid=curl]", "sk_live_");
  await press(page, "Skip to the projects");
  await press(page, "Leave anyway");
  await shows(page, ".proj-grid", "Lesson site");
  await user.call("POST", "/auth/logout", {});
  // The page may find out by itself before the click.
  await page.$$eval(".proj-a", ([link]) => link?.click());
  await shows(page, "h1", "Sign in");
  assert.match(new URL(page.url()).searchParams.get("next") ?? "/", /^\/(projects\/proj_\w+)?$/);
  await until("a message", async () => (await textOf(page, ".toasts")).includes("You were signed out."));
});

test("the page that a link opens looks like the site, and works without scripts", async () => {
  await site.docle.send("/auth/request", { email: "verify@example.com" }, { "cf-connecting-ip": newNetwork() });
  const token = await site.docle.mailedToken("verify@example.com");
  for (const scheme of ["dark", "light"]) {
    for (const width of [320, 1_280]) {
      const { page, console } = await site.open("/login", { width });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.setBypassCSP(true);
      for (const [path, title] of [[`/auth/verify?token=${token}`, "Sign in on this device?"], ["/auth/verify?token=gone", "This link no longer works"]]) {
        await page.goto(site.url + path);
        await shows(page, "h1", title ?? "");
        assert.deepEqual(await violations(page), []);
        assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth && document.scripts.length === 0"), true);
      }
      // Nobody is signed in at first, and one of the links has ended.
      assert.deepEqual(console.filter((line) => !line.includes("401") && !line.includes("410")), []);
    }
  }
  const { page } = await site.open(`/auth/verify?token=${token}`);
  await page.setJavaScriptEnabled(false);
  await page.reload();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForNavigation();
  assert.equal(new URL(page.url()).pathname, "/");
});

test("the site and the API share their address", async () => {
  const page = { headers: { accept: "text/html" } };
  assert.match((await site.docle.fetch("/", page)).headers.get("content-type") ?? "", /text\/html/);
  assert.equal((await json(200, await site.docle.fetch("/"))).name, "Docle");
  assert.equal((await site.docle.fetch("/nothing", page)).status, 404);
  assert.equal((await json(404, await site.docle.fetch("/nothing"))).code, "not_found");
  const html = await (await site.docle.fetch("/", page)).text();
  const script = html.match(/src="(\/assets\/[\w.-]+\.js)"/)?.[1] ?? assert.fail(html);
  const file = await site.docle.fetch(script);
  assert.deepEqual([file.status, file.headers.get("cache-control")], [200, "public, max-age=31536000, immutable"]);
  for (const path of ["/assets/../index.html", "/assets/%2e%2e/%2e%2e/index.js", "/assets/..%2f..%2findex.js"]) {
    assert.notEqual((await site.docle.fetch(path)).headers.get("cache-control"), "public, max-age=31536000, immutable", path);
  }
});
