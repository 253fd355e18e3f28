//! Code of the site that does not arrive: after a deployment, on a network that breaks, and when it comes later.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Page } from "puppeteer-core";
import type { User } from "../harness/platform.ts";
import { press, shows, Site } from "../harness/site.ts";

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

/** Sends the browser to a page that loads itself anew. It is another one then, whose end the first may never see. */
const visit = (page: Page, url: string) => page.goto(url, { waitUntil: "domcontentloaded", timeout: 5_000 }).catch(() => undefined);

test("a page stayed empty when its code did not arrive", async () => {
  const { page } = await site.open("/login", { user });
  const front = await behindFront("DashboardPage", 1);
  await visit(page, `${front.url}/dashboard`);
  await shows(page, "h1", "Runs");
  assert.ok(front.asked >= 2);
});

test("a page that does not arrive at all says so, and comes when it is tried again", async () => {
  const { page } = await site.open("/", { user });
  await shows(page, "#main", "Run your first program");
  const front = await behindFront("SnippetsPage", Infinity);
  await visit(page, `${front.url}/snippets`);
  await shows(page, "[role=alert]", "This part of the site could not be loaded");
  assert.ok(front.asked >= 2, "it was loaded anew before");
  front.times = 0;
  await press(page, "Try again");
  await shows(page, "#main", "embed.js");
});

test("a tab of a project and the editor are asked for again, with the page", async () => {
  const { page } = await site.open("/login", { user });
  const front = await behindFront("SettingsTab", 1);
  await visit(page, `${front.url}/projects/${project}?tab=settings`);
  await shows(page, "#main", "Privacy");
  assert.equal(front.asked, 2);
  const { page: playground } = await site.open("/login", { user });
  const editors = await behindFront("editor", 1);
  await visit(playground, `${editors.url}/playground`);
  await playground.waitForSelector(".cm-content");
  assert.equal(editors.asked, 2);
});
