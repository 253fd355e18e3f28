//! Playgrounds where something is wrong around them: the service, the network, the policy or the storage of the page.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { EmbedFixture, ended, EVIL, heard, LESSONS, output, type Lesson } from "../harness/embed.ts";
import { until } from "../harness/until.ts";

const embed = await EmbedFixture.start();
after(() => embed.stop());

/** An address at which nobody listens. */
const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const nobody = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
server.close();
await once(server, "close");

/** The loader as a page has it that does not load it from the service. */
const inline = readFileSync(inRoot("build", "embed", "embed.js"), "utf8");
const page = (key: string, endpoint: string) => `<pre data-docle data-loading="eager" data-key="${key}" data-endpoint="${endpoint}">\nprint(1)\n</pre>
  <script>window.refused = []; document.querySelector("pre").addEventListener("error", ({ detail }) => refused.push(detail.error));</script><script>${inline}</script>`;

/** Waits until the page hears that there is no playground. The program must be there to read. */
async function refused({ page }: Lesson): Promise<{ code: string; message: string }> {
  await page.waitForFunction("window.refused.length > 0", { timeout: 20_000 });
  assert.match(await page.$eval("pre", (element) => (element as unknown as { innerText: string }).innerText), /print\(1\)/);
  assert.equal(await page.$eval("iframe", (frame) => (frame as unknown as { offsetHeight: number }).offsetHeight), 0, "an empty frame is not shown");
  const errors = (await page.evaluate("refused")) as { code: string; message: string }[];
  assert.equal(errors.length, 1);
  return errors[0] ?? assert.fail();
}

test("a service that is gone leaves the program to read, and the page hears of it", async () => {
  const lesson = await embed.open(page(embed.key, nobody));
  const { code, message } = await refused(lesson);
  assert.equal(code, "unreachable");
  assert.ok(message.includes(nobody), message);
  assert.ok(lesson.console.some((line) => line.startsWith("Docle:")));
  const call = await lesson.page.evaluate(`Docle.embedAll()[0].run().catch(({ code }) => code)`);
  assert.equal(call, "unreachable", "a call does not wait for ever");
});

test("a key of other pages leaves the program to read, and the page hears of it", async () => {
  assert.equal((await refused(await embed.open(page(embed.key, embed.url), EVIL))).code, "unreachable");
});

test("a policy of the page that forbids the frame leaves the program to read, and the page hears of it", async () => {
  embed.browser.headers = { "content-security-policy": "script-src 'unsafe-inline'; frame-src 'none'" };
  try {
    const lesson = await embed.open(page(embed.key, embed.url));
    assert.match((await refused(lesson)).message, /frame-src/);
  } finally {
    embed.browser.headers = {};
  }
});

for (const key of ["pk_live_1", `pk_live_${"0".repeat(48)}`, "rt_1", "constructor", "<b>"]) {
  test(`the key ${key.slice(0, 20)} gets a playground that says what is wrong`, async () => {
    const lesson = await embed.openFrame({ key, code: "print(1)" });
    assert.match(await output(await lesson.frame()), /its key is none of this service/);
    assert.deepEqual((await heard(lesson.page, "docle-error")).map(({ error }) => error.code), ["invalid_api_key"]);
  });
}

test("while a slow network brings the frame, the program is there to read", async () => {
  const lesson = await embed.open(`<title>Slow</title>`);
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  let isHeld = false;
  await lesson.page.setRequestInterception(true);
  lesson.page.on("request", (request) => {
    if (!/\/embed\/main-/.test(request.url())) return void request.continue();
    isHeld = true;
    void released.then(() => request.continue());
  });
  embed.browser.contents.set("/slow", `<!doctype html><title>Slow</title>${page(embed.key, embed.url)}`);
  // It ends when the frame has loaded, too.
  const gone = lesson.page.goto(embed.browser.address(LESSONS, "/slow"));
  await until("the script of the frame to be on its way", () => isHeld);
  assert.match(await lesson.page.$eval("pre", (element) => (element as unknown as { innerText: string }).innerText), /print\(1\)/);
  assert.equal(await lesson.page.$eval("iframe", (frame) => (frame as unknown as { offsetHeight: number }).offsetHeight), 0);
  release();
  await gone;
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.deepEqual(await lesson.page.evaluate("refused"), []);
});

test("a browser that lets no frame store anything runs programs", async () => {
  const lesson = await embed.open("<title>Before</title>");
  await lesson.page.evaluateOnNewDocument(`for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"]) Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
    Object.defineProperty(Document.prototype, "cookie", { get() { throw new DOMException("denied", "SecurityError"); } });`);
  embed.browser.contents.set("/stores-nothing", `<!doctype html><title>Stores nothing</title>${page(embed.key, embed.url)}`);
  await lesson.page.goto(embed.browser.address(LESSONS, "/stores-nothing"));
  const frame = await lesson.frame();
  assert.equal(await frame.evaluate("try { localStorage; } catch (error) { error.name; }"), "SecurityError");
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), "1\n");
});

for (const [what, answer, code, words] of [
  ["a service that is away", "connectionrefused", "service_unavailable", /cannot be reached\. It did not run/],
  ["a service that is restarted", { status: 503, body: "<h1>Unavailable</h1>" }, "service_unavailable", /not answering\. It did not run/],
  ["a limit that is reached", { status: 429, headers: { "retry-after": "1" }, body: '{"code":"rate_limit_exceeded","message":"x"}' }, "rate_limit_exceeded", /Too many runs\. Again in 1 s/],
  ["a key that has ended", { status: 401, body: '{"code":"invalid_api_key","message":"x"}' }, "invalid_api_key", /its key has ended/],
  ["an answer that is no stream", { status: 200, body: "<h1>Sign in to the hotel</h1>" }, "connection_lost", /connection broke/],
  ["a stream that breaks off", { status: 200, contentType: "text/event-stream", body: 'data: {"type":"start","id":"x"}\n\ndata: {"type":"stdout","data":"begun"}\n\ndata: {"type":' }, "connection_lost", /It may still be running/],
] as const) {
  test(`${what} is said in words, and Run works again afterwards`, async () => {
    const lesson = await embed.openFrame({ code: "print(1)" });
    const frame = await lesson.frame();
    let isBroken = true;
    await lesson.page.setRequestInterception(true);
    lesson.page.on("request", (request) => {
      if (!isBroken || !request.url().endsWith("/api/run") || request.method() !== "POST") return void request.continue();
      void (typeof answer === "string" ? request.abort(answer) : request.respond({ ...answer, headers: { "access-control-allow-origin": "*", ...("headers" in answer ? answer.headers : {}) } }));
    });
    await frame.click(".btn.primary");
    await ended(frame, "Not run");
    assert.match(await output(frame), words);
    assert.deepEqual((await heard(lesson.page, "docle-error")).map(({ error }) => error.code), [code]);
    isBroken = false;
    await until("Run to be there again", async () => (await frame.$eval(".btn.primary", (button) => button.ariaDisabled)) !== "true");
    await frame.click(".btn.primary");
    await ended(frame, "Success");
    assert.equal(await output(frame), "1\n");
  });
}

test("of twenty playgrounds only those near the view are loaded", async () => {
  const tall = `<div style="height: 600px"></div>`;
  const lesson = await embed.open(`<script src="${embed.url}/embed.js" data-key="${embed.key}"></script>${Array.from({ length: 20 }, (_, number) => `<pre data-docle>print(${number})</pre>${tall}`).join("")}`);
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  // The view is as high as one of the gaps, and 300 px below it are near.
  const frames = (await lesson.page.$$("iframe")).length;
  assert.ok(frames >= 1 && frames <= 2, `${frames} frames`);
  assert.equal(lesson.page.frames().filter((one) => one.url().includes("/embed")).length, frames);
  assert.equal((await lesson.page.$$("pre")).length, 20);
});

test("forced colours keep buttons, and what has failed is not told by colour alone", async () => {
  const lesson = await embed.openFrame({ code: "raise SystemExit(3)" });
  await lesson.page.createCDPSession().then((session) => session.send("Emulation.setEmulatedMedia", { features: [{ name: "forced-colors", value: "active" }] }));
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Error");
  assert.equal(await frame.evaluate("matchMedia('(forced-colors: active)').matches"), true);
  assert.equal(await frame.evaluate("getComputedStyle(document.querySelector('.btn.primary')).borderTopWidth"), "1px");
  assert.notEqual(await frame.$(".status svg"), null);
});
