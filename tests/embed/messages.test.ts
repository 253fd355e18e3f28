//! What a page and the frame in it say to each other, and what the frame does not listen to.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { EmbedFixture, ended, EVIL, heard, output } from "../harness/embed.ts";
import { json } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const embed = await EmbedFixture.start();
after(() => embed.stop());

const code = (text: string) => JSON.stringify(text);
/** Sends the frame of a page a message. */
const post = (message: string) => `document.querySelector("iframe").contentWindow.postMessage(${message}, "*")`;

test("a page sets program and language, runs, and hears the result", async () => {
  const { page, frame: find } = await embed.openFrame({});
  const frame = await find();
  await page.evaluate(post(`{ type: "docle-set-lang", lang: "node" }`));
  await page.evaluate(post(`{ type: "docle-set-code", code: ${code("console.log(40 + 2)")} }`));
  await page.evaluate(post(`{ type: "docle-run" }`));
  await until("the result", async () => (await heard(page, "docle-result")).length === 1);
  const [result] = await heard(page, "docle-result");
  assert.deepEqual([result?.data.ok, result?.data.stdout], [true, "42\n"]);
  assert.equal(await frame.$eval("h1", (element) => element.textContent), "JavaScript (Node.js)");
  assert.deepEqual((await heard(page, "docle-output")).map(({ data }) => data), ["42\n"]);
});

test("a page hears why something was refused", async () => {
  const { page, frame: find } = await embed.openFrame({});
  await find();
  await page.evaluate(post(`{ type: "docle-set-lang", lang: "cobol" }`));
  await page.evaluate(post(`{ type: "docle-set-code", code: 1 }`));
  await page.evaluate(post(`{ type: "docle-set-apikey", apiKey: ${code(embed.secret)} }`));
  await until("three errors", async () => (await heard(page, "docle-error")).length === 3);
  const errors = await heard(page, "docle-error");
  assert.deepEqual(errors.map(({ error }) => error.code), ["invalid_request", "invalid_request", "secret_key_in_page"]);
  assert.ok(!JSON.stringify(errors).includes(embed.secret));
});

test("a run token of the page's server runs in a frame without a key", async () => {
  const { token } = await json(201, await embed.docle.send("/api/tokens", { origin: embed.url }, { authorization: `Bearer ${embed.secret}` }));
  const { page, frame: find } = await embed.openFrame({ key: "", code: "print(7)" });
  const frame = await find();
  await page.evaluate(post(`{ type: "docle-set-apikey", apiKey: ${code(token)} }`));
  await page.evaluate(post(`{ type: "docle-run" }`));
  await ended(frame, "Success");
  assert.equal(await output(frame), "7\n");
});

test("a frame that gets a publishable key loads itself again, so that the key's domains hold", async () => {
  const allowed = await embed.openFrame({ key: "", code: "print(8)" });
  await allowed.frame();
  await allowed.page.evaluate(post(`{ type: "docle-set-apikey", apiKey: ${code(embed.key)} }`));
  await until("the frame with the key", async () => (await heard(allowed.page, "docle-ready")).length === 2);
  const frame = await allowed.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), "8\n");

  const foreign = await embed.openFrame({ key: "", code: "print(8)" }, EVIL);
  await foreign.frame();
  await foreign.page.evaluate(post(`{ type: "docle-set-apikey", apiKey: ${code(embed.key)} }`));
  await until("the refusal of the browser", () => foreign.console.some((line) => line.includes("frame-ancestors")));
});

test("messages of another window, and of a frame beside, are not heard", async () => {
  const lesson = await embed.openFrame({ code: "print(1)" });
  const frame = await lesson.frame();
  // A window inside the page has a source of its own; a frame inside the playground does not exist to have one.
  await lesson.page.evaluate(`new Promise((done) => {
    const other = document.createElement("iframe");
    other.src = ${code(embed.browser.address(EVIL))};
    other.title = "Another";
    other.onload = () => done();
    document.body.append(other);
  })`);
  const other = lesson.page.frames().find((one) => one.url().includes(EVIL)) ?? assert.fail("no other frame");
  await other.evaluate(`parent.frames[0].postMessage({ type: "docle-set-code", code: "print('stolen')" }, "*")`);
  await frame.evaluate(`window.postMessage({ type: "docle-set-code", code: "print('stolen')" }, "*")`);
  // A message that is heard comes after those that are not.
  await lesson.page.evaluate(post(`{ type: "docle-run" }`));
  await ended(frame, "Success");
  assert.equal(await output(frame), "1\n");
});

test("prototypes and odd shapes of messages do nothing", async () => {
  const lesson = await embed.openFrame({ code: "print(1)" });
  const frame = await lesson.frame();
  for (const message of [
    `JSON.parse('{"__proto__": {"type": "docle-run"}}')`,
    `JSON.parse('{"type": "docle-set-code", "__proto__": {"code": "print(2)"}}')`,
    `{ type: "__proto__" }`,
    `{ type: "docle-constructor" }`,
    `{ type: "toString" }`,
    `{ type: ["docle-run"] }`,
    `null`,
    `"docle-run"`,
    `42`,
    `[{ type: "docle-run" }]`,
    `{ type: "docle-set-code", code: "x".repeat(2_000_000) }`,
  ]) {
    await lesson.page.evaluate(post(message));
  }
  await lesson.page.evaluate(post(`{ type: "docle-run" }`));
  await ended(frame, "Success");
  assert.equal(await output(frame), "1\n");
  assert.equal((await heard(lesson.page, "docle-result")).length, 1);
  assert.equal(await frame.evaluate("({}).type === undefined && ({}).code === undefined"), true);
});

test("a flood of messages is not read, and the frame goes on", async () => {
  const lesson = await embed.openFrame({ code: "print(1)" });
  const frame = await lesson.frame();
  await lesson.page.evaluate(`for (let count = 0; count < 20_000; count++) ${post("{ type: 'docle-set-code', code: 'print(' + count + ')' }")}`);
  await until("the error", async () => (await heard(lesson.page, "docle-error")).some(({ error }) => error.code === "too_many_messages"));
  await until("a second in which messages are read again", async () => {
    await lesson.page.evaluate(post(`{ type: "docle-set-code", code: "print('still there')" }`));
    return (await frame.$eval(".cm-content", (element) => element.textContent)) === "print('still there')";
  });
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), "still there\n");
});

test("each call through a port has its answer", async () => {
  const lesson = await embed.openFrame({ code: "print(1)" });
  await lesson.frame();
  const answers = (await lesson.page.evaluate(`new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    const answers = [];
    port1.onmessage = ({ data }) => {
      if (data.event) return;
      answers.push(data);
      if (answers.length === 5) done(answers);
    };
    document.querySelector("iframe").contentWindow.postMessage({ type: "docle-connect" }, "*", [port2]);
    port1.postMessage({ id: 1, method: "getCode" });
    port1.postMessage({ id: 2, method: "constructor" });
    port1.postMessage({ id: 3, method: "setLang", params: "cobol" });
    port1.postMessage({ id: "four", method: "run" });
    port1.postMessage({ id: 5, method: "run" });
    port1.postMessage({ method: "getCode" });
  })`)) as { id: number | string; result?: any; error?: { code: string } }[];
  const of = (id: number | string) => answers.find((answer) => answer.id === id);
  assert.equal(of(1)?.result, "print(1)");
  assert.equal(of(2)?.error?.code, "unknown_method");
  assert.equal(of(3)?.error?.code, "invalid_request");
  assert.equal(of("four")?.result.stdout, "1\n");
  assert.equal(of(5)?.error?.code, "busy");
});
