//! The script of a page: what it makes of elements, when it loads frames, and what it leaves behind.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { EmbedFixture, ended, LESSONS, output } from "../harness/embed.ts";
import { until } from "../harness/until.ts";

const embed = await EmbedFixture.start();
after(() => embed.stop());

const script = (attributes = "") => `<script src="${embed.url}/embed.js" data-key="${embed.key}" ${attributes}></script>`;
const pre = (attributes = "", program = "print('Hello')") => `<pre data-docle ${attributes}>\n  ${program}\n  print("a < b", 1 &lt; 2)\n</pre>`;
const manifest = JSON.parse(readFileSync(inRoot("build", "embed", "manifest.json"), "utf8")) as { version: string; integrity: string; entry: string; style: string };

for (const [where, body] of Object.entries({
  "in <head>": `<head>${script()}</head><body>${pre()}`,
  "in <head>, deferred": `<head>${script("defer")}</head><body>${pre()}`,
  "below the element": `<body>${pre()}${script()}`,
  "from a version that is pinned": `<head><script src="${embed.url}/embed/${manifest.version}.js" integrity="${manifest.integrity}" crossorigin="anonymous" data-key="${embed.key}"></script></head><body>${pre()}`,
})) {
  test(`an element becomes a playground by the script ${where}`, async () => {
    const lesson = await embed.open(body);
    const frame = await lesson.frame();
    await frame.click(".btn.primary");
    await ended(frame, "Success");
    assert.equal(await output(frame), "Hello\na < b True\n");
    await until("the text to make room", async () => (await lesson.page.$eval("[data-docle]", (element) => element.textContent)) === "");
    assert.deepEqual(lesson.console, []);
  });
}

test("a page whose policy allows nothing else, with Trusted Types, has a playground", async () => {
  embed.browser.headers = { "content-security-policy": `default-src 'none'; script-src ${embed.url}; frame-src ${embed.url}; require-trusted-types-for 'script'` };
  try {
    const lesson = await embed.open(`<head>${script()}</head><body>${pre("data-autorun")}`);
    await ended(await lesson.frame(), "Success");
    assert.deepEqual(lesson.console, []);
  } finally {
    embed.browser.headers = {};
  }
});

test("the attributes of the documentation do what it says", async () => {
  const lesson = await embed.open(`${script()}<div data-docle data-lang="node" data-theme="light" data-code="console.log(3)" data-readonly="true" data-height="222px" data-autorun="true">ignored</div>`);
  const frame = await lesson.frame();
  await ended(frame, "Success");
  assert.equal(await output(frame), "3\n");
  assert.equal(await frame.evaluate("document.documentElement.dataset.theme"), "light");
  await frame.focus(".cm-content");
  await lesson.page.keyboard.type("x");
  assert.equal(await frame.$eval(".cm-content", (element) => element.textContent), "console.log(3)", "the program cannot be changed");
  assert.equal(await lesson.page.$eval("iframe", (element) => (element as unknown as { offsetHeight: number }).offsetHeight), 222);
});

test("a frame out of view is not loaded before it comes near", async () => {
  const lesson = await embed.open(`${script()}<div style="height: 3000px"></div>${pre()}`);
  await lesson.page.waitForFunction("window.Docle !== undefined");
  await lesson.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
  assert.equal(await lesson.page.$("iframe"), null);
  assert.match(await lesson.page.$eval("pre", (element) => element.textContent ?? ""), /print/);
  await lesson.page.evaluate("document.querySelector('pre').scrollIntoView()");
  await lesson.frame();
});

test("a frame that waits for a click is loaded by one", async () => {
  const lesson = await embed.open(`${script()}${pre(`data-loading="click"`)}`);
  await lesson.page.waitForFunction("window.Docle !== undefined");
  assert.equal(await lesson.page.$("iframe"), null);
  await lesson.page.click("pre");
  await lesson.frame();
});

test("a secret key in a page goes nowhere, and the console says so", async () => {
  const lesson = await embed.open(`<script src="${embed.url}/embed.js"></script>${pre(`data-loading="eager" data-key="${embed.secret}"`)}`);
  await until("the warning", () => lesson.console.some((line) => line.includes("secret key")));
  assert.equal(await lesson.page.$("iframe"), null);
  assert.match(await lesson.page.$eval("pre", (element) => element.textContent ?? ""), /print/);
  assert.ok(lesson.console.every((line) => !line.includes(embed.secret)));
});

test("<code-run> comes and goes with its element", async () => {
  const lesson = await embed.open(`${script()}<code-run lang="python" theme="light">print(5)</code-run>`);
  const frame = await lesson.frame();
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), "5\n");
  const left = await lesson.page.evaluate(`const one = document.querySelector("code-run"); one.remove(); one.innerHTML`);
  assert.equal(left, "print(5)");
});

test("a program that is too long for an address reaches the frame", async () => {
  const long = `print(len("${"é".repeat(20_000)}"))`;
  const lesson = await embed.open(`${script()}<div data-docle data-autorun>${long}</div>`);
  const frame = await lesson.frame();
  await ended(frame, "Success");
  assert.equal(await output(frame), "20000\n");
});

test("a page calls its playground, and destroy() leaves nothing of it", async () => {
  const lesson = await embed.open(`${script()}<div id="lesson"><b>print</b>(6)</div>`);
  await lesson.page.waitForFunction("window.Docle !== undefined");
  const before = await lesson.page.$eval("#lesson", (element) => element.outerHTML);
  const said = (await lesson.page.evaluate(`(async () => {
    window.embed = new Docle.Embed(document.querySelector("#lesson"), { publishableKey: ${JSON.stringify(embed.key)}, endpoint: ${JSON.stringify(embed.url)}, height: "auto" });
    const first = await embed.run();
    await embed.setCode("print('changed')");
    const refused = await embed.setLang("cobol").catch((error) => [error instanceof Docle.EmbedError, error.code]);
    return [first.stdout, await embed.getCode(), refused];
  })()`)) as unknown[];
  assert.deepEqual(said, ["6\n", "print('changed')", [true, "invalid_request"]]);
  await until("the height of the content", async () => Number(await lesson.page.$eval("iframe", (element) => (element as unknown as { offsetHeight: number }).offsetHeight)) !== 200);
  await lesson.page.evaluate("embed.destroy()");
  assert.equal(await lesson.page.$eval("#lesson", (element) => element.outerHTML), before);
  assert.equal(await lesson.page.$("iframe"), null);
});

test("the examples of docs/embed.md show playgrounds", async () => {
  const page = readFileSync(inRoot("docs", "embed.md"), "utf8");
  const examples = Array.from(page.matchAll(/^```html\n([^]*?)^```$/gm), ([, text = ""]) => text.replaceAll("http://localhost:8787", embed.url).replaceAll("pk_live_…", embed.key));
  assert.equal(examples.length, 5);
  for (const [index, example] of examples.entries()) {
    const around = index === 1 ? `${script()}<pre id="lesson">print(1)</pre>${example.replaceAll("<script>", `<script type="module">`).replace("lang:", `endpoint: "${embed.url}", lang:`)}` : example;
    const lesson = await embed.open(around, LESSONS);
    if (index === 1) {
      await until("the playground to have gone", async () => (await lesson.page.$eval("#lesson", (element) => element.outerHTML)).includes("print(1)") && (await lesson.page.$("iframe")) === null);
    } else {
      const frame = await lesson.frame();
      await frame.click(".btn.primary");
      await ended(frame, example.includes("data-check") ? "Passed" : "Success");
      assert.match(await output(frame), /^Hello/);
    }
    assert.deepEqual(lesson.console, []);
  }
});

test("files of the frame are kept for good, and the script for five minutes", async () => {
  const cache = async (path: string) => (await embed.docle.fetch(path)).headers.get("cache-control");
  assert.equal(await cache("/embed.js"), "public, max-age=300");
  for (const file of [manifest.entry, manifest.style, `${manifest.version}.js`]) assert.equal(await cache(`/embed/${file}`), "public, max-age=31536000, immutable");
  assert.equal(await cache("/embed?code=1"), "no-store");
  for (const file of ["embed.js", "manifest.json", "x.js", "0.0.9.js"]) assert.equal((await embed.docle.fetch(`/embed/${file}`)).status, 404, file);
  const text = await (await embed.docle.fetch(`/embed/${manifest.version}.js`)).text();
  assert.equal(`sha384-${createHash("sha384").update(text).digest("base64")}`, manifest.integrity);
  assert.ok(gzipSync(text).length <= 3_000, `the loader has ${gzipSync(text).length} bytes`);
});

test("a frame with one language loads at most 130 kB of scripts and 6 kB of style, and nothing from elsewhere", async () => {
  const page = await embed.browser.browser.newPage();
  const loaded: string[] = [];
  page.on("response", (response) => loaded.push(response.url()));
  await page.goto(embed.src({ code: "print(1)" }));
  await page.waitForSelector(".tok-function");
  assert.ok(loaded.every((url) => url.startsWith(`${embed.url}/embed`)), loaded.join("\n"));
  const size = async (end: string) => {
    const files = await Promise.all(loaded.filter((url) => new URL(url).pathname.endsWith(end)).map(async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length));
    return files.reduce((sum, bytes) => sum + bytes, 0);
  };
  const [scripts, styles] = [await size(".js"), await size(".css")];
  assert.ok(scripts > 0 && scripts <= 130_000, `${scripts} bytes of scripts`);
  assert.ok(styles > 0 && styles <= 6_000, `${styles} bytes of styles`);
});
