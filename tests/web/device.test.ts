//! The page on which a user lets a program sign in, in a browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import { json, type User } from "../harness/platform.ts";
import { press, shows, Site, violations } from "../harness/site.ts";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";

const site = await Site.start();
after(() => site.stop());
let user: User;
before(async () => ({ user } = await site.account("ada@example.com", "Ada's <project>")));

interface Login {
  device_code: string;
  user_code: string;
  verification_uri: string;
}

const begin = async (): Promise<Login> => json(200, await site.docle.send("/auth/device", { client_id: "docle-cli on <b>ada</b>" }));

/** The answer to a program that asks for the first time, after its user has decided. */
const decided = async ({ device_code }: Login): Promise<any> => (await site.docle.send("/auth/device/token", { grant_type: GRANT_TYPE, device_code })).json();

async function type(page: Page, code: string): Promise<void> {
  await page.type("input[name=code]", code);
  await Promise.all([page.waitForNavigation(), press(page, "Continue")]);
}

test("a user types the code and chooses a project, and the program is signed in", async () => {
  const login = await begin();
  assert.ok(login.verification_uri.endsWith("/device"), login.verification_uri);
  const { page, console } = await site.open("/device", { user });
  await shows(page, "h1", "Sign a program in");
  assert.equal(await page.evaluate("document.activeElement.name"), "code");
  await type(page, login.user_code.toLowerCase());
  await shows(page, "h1", "Let this program sign in?");
  await shows(page, "dl", "docle-cli on <b>ada</b>");
  await shows(page, "option", "Ada's <project>");
  await Promise.all([page.waitForNavigation(), press(page, "Sign in")]);
  await shows(page, "h1", "The program is signed in");
  const token = await decided(login);
  assert.match(token.access_token, /^mt_live_[0-9a-f]{48}$/);
  await json(200, await site.docle.fetch(`/api/projects/${token.project_id}`, { headers: { authorization: `Bearer ${token.access_token}` } }));
  assert.deepEqual(console, []);
});

test("a user refuses, and a code that is none says so", async () => {
  const login = await begin();
  const { page } = await site.open("/device", { user });
  await type(page, "BCDF-GHJK");
  await shows(page, "[role=alert]", "No program waits with this code");
  await type(page, login.user_code);
  await Promise.all([page.waitForNavigation(), press(page, "Refuse")]);
  await shows(page, "h1", "Refused");
  assert.equal((await decided(login)).code, "access_denied");
});

test("a user who is not signed in comes back to the page after signing in", async () => {
  const { page } = await site.open("/device");
  await shows(page, "h1", "Sign in");
  assert.equal(new URL(page.url()).searchParams.get("next"), "/device");
  await page.type("input[name=email]", "grace@example.com");
  await page.keyboard.press("Enter");
  await shows(page, "[data-testid=sent]", "Check your mail");
  const token = await site.docle.mailedToken("grace@example.com");
  const { messages } = (await (await site.docle.fetch("/auth/outbox")).json()) as { messages: { text: string }[] };
  const link = messages.find(({ text }) => text.includes(token))?.text.match(/\/auth\/verify\S+/)?.[0] ?? assert.fail("no link");
  await page.goto(site.url + link);
  await Promise.all([page.waitForNavigation(), press(page, "Sign in")]);
  assert.equal(new URL(page.url()).pathname, "/device");
  await type(page, (await begin()).user_code);
  await shows(page, "h1", "No project yet");
});

for (const theme of ["dark", "light"]) {
  test(`axe finds nothing on the pages in ${theme}, and nothing lies beyond the edge at 320 px`, async () => {
    const { page } = await site.open("/device", { user, width: 320 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    const looks = async () => {
      assert.deepEqual(await violations(page), []);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
    };
    await looks();
    await type(page, "BCDF-GHJK");
    await looks();
    await type(page, (await begin()).user_code);
    await looks();
  });
}
