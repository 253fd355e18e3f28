//! The embed frame in a real browser: it runs programs on pages of its key's domains, and on no others.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { problem } from "../harness/docle.ts";
import { EmbedFixture, ended, EVIL, heard, output } from "../harness/embed.ts";
import { json } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const embed = await EmbedFixture.start();
after(() => embed.stop());

test("a page of an allowed domain shows a playground that runs", async () => {
  const lesson = await embed.openFrame({ code: "print('50 % of 1+1 is', 1)" });
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), "50 % of 1+1 is 1\n");
  assert.match(await frame.$eval(".line", (line) => line.textContent ?? ""), /^Successexit 0[\d.]+ m?s$/);
  const [result] = await heard(lesson.page, "docle-result");
  assert.equal(result?.data.stdout, "50 % of 1+1 is 1\n");
  assert.equal((await heard(lesson.page, "docle-ready")).length, 1);
  assert.deepEqual(lesson.console, [], "the policy of the page lets in everything that it needs");
});

test("a page of another domain shows no playground", async () => {
  const lesson = await embed.openFrame({ code: "print(1)", autorun: "true" }, EVIL);
  await until("the refusal of the browser", () => lesson.console.some((line) => line.includes("frame-ancestors")));
  assert.deepEqual(await heard(lesson.page, "docle-ready"), []);
});

test("only the frame's own page gets a token with the key of a page", async () => {
  const call = (headers: Record<string, string>) => embed.docle.fetch("/embed/token", { method: "POST", headers });
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  for (const origin of [undefined, "http://lessons.localhost", "https://evil.example", "null"]) {
    const refused = await problem(403, await call({ ...bearer(embed.key), ...(origin === undefined ? {} : { origin }) }));
    assert.equal(refused.code, "domain_not_allowed");
  }
  const own = { origin: embed.url };
  await problem(401, await call({ ...own, ...bearer(embed.secret) }));
  await problem(401, await call({ ...own, cookie: embed.user.cookie }));
  const { token } = await json(201, await call({ ...own, ...bearer(embed.key) }));
  const run = (headers: Record<string, string>) => embed.docle.send("/api/run", { lang: "python", code: "print(1)" }, { ...bearer(token), ...headers });
  await json(200, await run(own));
  for (const headers of [{}, { origin: "http://lessons.localhost" }] as Record<string, string>[]) await problem(403, await run(headers));
});

test("a secret key in an address is refused in words, and nobody sees it again", async () => {
  const lesson = await embed.openFrame({ key: embed.secret, code: "print(1)" });
  const frame = await lesson.frame();
  assert.match(await output(frame), /gives away a secret key/);
  assert.ok(!(await frame.content()).includes(embed.secret));
  assert.ok(lesson.console.some((line) => line.startsWith("Docle: A secret key")));
  assert.ok(lesson.console.every((line) => !line.includes(embed.secret)));
  const response = await embed.docle.fetch(`/embed?key=${embed.secret}`);
  assert.equal(response.status, 400);
  assert.ok(!(await response.text()).includes(embed.secret) && embed.docle.worker.logs.every((line) => !line.includes(embed.secret)));
});

test("without a key the program is shown, and what is missing", async () => {
  const lesson = await embed.openFrame({ key: "", code: "print(1)", autorun: "true" }, EVIL);
  const frame = await lesson.frame();
  assert.match(await output(frame), /not set up.*publishable key/);
  assert.equal(await frame.$eval(".cm-content", (element) => element.textContent), "print(1)");
  await frame.click(".btn[aria-disabled]");
  await until("the message", async () => (await heard(lesson.page, "docle-error")).some(({ error }) => error.code === "key_required"));
});

test("Stop ends a run, and what came stays", async () => {
  const lesson = await embed.openFrame({ code: "import time\nprint('begun', flush=True)\ntime.sleep(9)", autorun: "true" });
  const frame = await lesson.frame();
  await until("the first output", async () => (await output(frame)).includes("begun"));
  await frame.click(".btn.stop");
  await ended(frame, "Stopped");
  assert.match(await output(frame), /^begun/);
});

test("colours of terminals are classes, and markup of programs is text", async () => {
  const code = "print('\\x1b[31mred\\x1b[0m <img src=x onerror=alert(1)> \\x1b]8;;javascript:alert(1)\\x07link\\x1b]8;;\\x07')";
  const lesson = await embed.openFrame({ code, autorun: "true" });
  const frame = await lesson.frame();
  await ended(frame, "Success");
  assert.equal(await output(frame), "red <img src=x onerror=alert(1)> link\n");
  assert.equal(await frame.$eval(".out .ansi-red", (element) => element.textContent), "red");
  assert.equal(await frame.$(".out img, .out a"), null);
});

test("the standard input that a page asks for is a field, and the program reads it", async () => {
  const lesson = await embed.openFrame({ code: "print('Hello', input())", stdin: "Ada" });
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), "Hello Ada\n");
});

test("a keyboard is enough: Ctrl+Enter runs, Escape and Tab leave the editor", async () => {
  const lesson = await embed.openFrame({ code: "print(1)" });
  const frame = await lesson.frame();
  await frame.focus(".cm-content");
  await lesson.page.keyboard.press("Tab");
  assert.match(await frame.$eval(".cm-content", (element) => element.textContent ?? ""), /^ {4}print/, "Tab indents");
  await lesson.page.keyboard.down("Control");
  await lesson.page.keyboard.press("z");
  await lesson.page.keyboard.press("Enter");
  await lesson.page.keyboard.up("Control");
  await ended(frame, "Success");
  assert.equal(await frame.$eval("[role=status]", (element) => element.textContent?.replace(/[\d.]+ m?s$/, "…")), "Success, exit code 0, …");
  await frame.focus(".cm-content");
  await lesson.page.keyboard.press("Escape");
  await lesson.page.keyboard.press("Tab");
  assert.equal(await frame.evaluate("document.activeElement.className"), "out");
});

test("a key that is revoked runs nothing from a frame that is open", async () => {
  const settings = { type: "publishable", allowedDomains: ["lessons.localhost"] };
  const { key, id } = await json(201, await embed.user.call("POST", `/api/projects/${embed.project}/keys`, settings));
  const lesson = await embed.openFrame({ key, code: "print(1)", autorun: "true" });
  const frame = await lesson.frame();
  await ended(frame, "Success");
  await json(204, await embed.user.call("DELETE", `/api/keys/${id}`));
  await frame.click(".btn.primary");
  await ended(frame, "Not run");
  assert.match(await output(frame), /its key has ended/);
});
