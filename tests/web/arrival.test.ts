//! Code of the site that does not arrive: after a deployment, on a network that breaks, and when it comes later.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "puppeteer-core";
import type { User } from "../harness/platform.ts";
import { press, shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
const fronts: Server[] = [];
after(async () => {
  for (const front of fronts) {
    front.closeAllConnections();
    front.close();
  }
  await site.stop();
});
let user: User;
let project: string;
before(async () => ({ user, project } = await site.account("ada@example.com")));

/** The site behind a front that answers the first `times` requests for files with a name with 503. */
async function behindFront(name: string, times: number) {
  const front = { url: "", asked: 0, times };
  const server = createServer((incoming, response) => {
    const { method, url = "", headers } = incoming;
    if (url.includes(`/assets/${name}`) && ++front.asked <= front.times) return void response.writeHead(503, { "cache-control": "no-store" }).end();
    const outgoing = request(site.docle.worker.url + url, { method, headers }, (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers)));
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  fronts.push(server);
  front.url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return front;
}

/** The tabs that are tried. */
const TABS = 3;

/**
 * Opens a page that loads itself anew, and waits until it shows a text. Now and then the browser answers nothing any more for such a tab,
 * not even to its tools; then another one is opened.
 */
async function arrives(path: string, url: string, selector: string, text: string): Promise<Page> {
  for (let tabs = 1; ; tabs += 1) {
    const { page } = await site.open(path, { user });
    await page.goto(url, { waitUntil: "domcontentloaded", timeout: 5_000 }).catch(() => undefined);
    try {
      await until(`"${text}" in ${selector}`, async () => (await Promise.race([textOf(page, selector), pause(2_000, "", { ref: false })])).includes(text));
      return page;
    } catch (error) {
      if (tabs === TABS) throw error;
    }
  }
}

test("a page stayed empty when its code did not arrive", async () => {
  const front = await behindFront("DashboardPage", 1);
  await arrives("/login", `${front.url}/dashboard`, "h1", "Runs");
  assert.ok(front.asked >= 2);
});

test("a page that does not arrive at all says so, and comes when it is tried again", async () => {
  const front = await behindFront("SnippetsPage", Infinity);
  const page = await arrives("/", `${front.url}/snippets`, "[role=alert]", "This part of the site could not be loaded");
  assert.ok(front.asked >= 2, "it was loaded anew before");
  front.times = 0;
  await press(page, "Try again");
  await shows(page, "#main", "embed.js");
});

test("a tab of a project and the editor are asked for again, with the page", async () => {
  const front = await behindFront("SettingsTab", 1);
  await arrives("/login", `${front.url}/projects/${project}?tab=settings`, "#main", "Privacy");
  assert.ok(front.asked >= 2);
  const editors = await behindFront("editor", 1);
  const playground = await arrives("/login", `${editors.url}/playground`, "h1", "Playground");
  await playground.waitForSelector(".cm-content");
  assert.ok(editors.asked >= 2);
});
