//! Pages of exposed ports in a real browser: what they reach of the site, and that a dev server works there.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { packed } from "../harness/packed-module.ts";
import { json } from "../harness/platform.ts";
import { SERVER } from "../harness/preview-programs.ts";
import type { Json } from "../harness/sandbox-api.ts";
import { Site } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());

let account: Awaited<ReturnType<Site["account"]>>;
let key: string;
before(async () => {
  account = await site.account("grace@example.com");
  key = await site.key(account.user, account.project);
});

const call = (method: string, path: string, body?: unknown) =>
  fetch(`${site.docle.worker.url}/api/v1/sandboxes${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body) }),
  });

/** The URL of a port on which a program listens. */
async function served(command: string, files: Record<string, string | Buffer>, settings: Json = {}): Promise<{ sandbox: string; url: string }> {
  const { id } = (await json(201, await call("POST", "", settings))) as Json;
  for (const [path, text] of Object.entries(files)) await json(200, await call("PUT", `/${id}/files/content?path=${path}`, text));
  const process = await json(201, await call("POST", `/${id}/processes`, { command }));
  const waited = await json(200, await call("POST", `/${id}/processes/${process.id}/wait`, { port: 8000, timeoutMs: 120_000 }));
  const log = async () => (await call("GET", `/${id}/processes/${process.id}/logs`)).text();
  assert.equal(waited.outcome, "listening", await log());
  return { sandbox: id, url: (await json(201, await call("POST", `/${id}/ports`, { port: 8000 }))).url };
}

test("a page of a program reads nothing of the site, and the site's session never reaches the program", async () => {
  const { sandbox, url } = await served("node server.cjs", { "server.cjs": SERVER });
  const { page } = await site.open("/projects", { user: account.user });
  await page.evaluate(() => localStorage.setItem("secret", "of the site"));
  assert.equal(await page.evaluate(async () => (await fetch("/auth/me")).status), 200);

  await page.goto(url);
  const seen = JSON.parse(String(await page.evaluate("document.body.textContent"))) as Json;
  assert.equal(seen.headers.cookie, undefined);
  assert.deepEqual(await page.evaluate('[document.cookie, localStorage.getItem("secret")]'), ["", null]);
  const foreign = await page.evaluate(async (api: string) => {
    const read = (init: RequestInit) => fetch(`${api}/auth/me`, init).then(async (response) => `${response.status} ${await response.text()}`, String);
    return [await read({ credentials: "include" }), await read({ mode: "no-cors", credentials: "include" })];
  }, site.url);
  assert.match(foreign[0] ?? "", /Failed to fetch/);
  assert.equal(foreign[1], "0 ", "the answer is opaque");
  // A cookie for all names below localhost would reach the site.
  await page.evaluate('document.cookie = "docle_session=forged; domain=localhost; path=/"; document.cookie = "tossed=1; domain=localhost; path=/";');
  await page.goto(`${url}cookie`);
  await page.goto(`${site.url}/projects`);
  assert.deepEqual(await page.evaluate('fetch("/auth/me").then(({ status }) => [document.cookie, status])'), ["", 200]);
  await call("DELETE", `/${sandbox}`);
});

test("a dev server of Vite shows a change without loading the page again", { timeout: 240_000 }, async () => {
  const files = {
    "index.html": '<!doctype html><div id="app"></div><script type="module" src="/main.js"></script>',
    "main.js": 'import { text } from "./text.js";\ndocument.querySelector("#app").textContent = text;\nwindow.loads = (window.loads ?? 0) + 1;\nimport.meta.hot.accept("./text.js", (module) => (document.querySelector("#app").textContent = module.text));',
    "text.js": 'export const text = "before";',
    "package.json": '{ "private": true, "type": "module" }',
    "vite.tar.gz": packed(inRoot("web"), "vite"),
  };
  const command = "tar xzf vite.tar.gz && node node_modules/vite/bin/vite.js --port 8000";
  const { sandbox, url } = await served(command, files, { runtime_config: { memoryMB: 1024, network: "none" } });
  const { page, console: lines } = await site.open("/login");
  await page.goto(url);
  const shown = (text: string) => until(text, async () => (await page.evaluate('document.querySelector("#app")?.textContent')) === text, 30).catch((error: unknown) => assert.fail(`${String(error)}: ${lines.join("\n")}`));
  await shown("before");
  await until("it is connected", () => lines.some((line) => line.includes("[vite] connected")), 30);
  await json(200, await call("PUT", `/${sandbox}/files/content?path=text.js`, 'export const text = "after";'));
  await shown("after");
  assert.equal(await page.evaluate("window.loads"), 1);
  await call("DELETE", `/${sandbox}`);
});
