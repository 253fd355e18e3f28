//! What a page gives a playground beside its program: files, code that nobody sees, what is expected, and what the output is.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import type { Frame } from "puppeteer-core";
import { EmbedFixture, ended, EVIL, heard, output } from "../harness/embed.ts";
import { json } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const embed = await EmbedFixture.start();
after(() => embed.stop());

const script = `<script src="${embed.url}/embed.js" data-key="${embed.key}"></script>`;
const pre = (attributes: string, program: string) => `<pre data-docle data-loading="eager" ${attributes}>\n${program.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}\n</pre>`;
/** What the element of the playground hears, kept in `window.events`. */
const keep = `<script>window.events = []; for (const type of ["pass", "fail", "result", "error"]) document.querySelector("pre").addEventListener(type, ({ detail }) => events.push([type, detail]));</script>`;
const line = (frame: Awaited<ReturnType<typeof lesson>>["frame"]) => frame.$eval(".line", (element) => element.textContent ?? "");

/** A page with this playground; its program has run. */
async function lesson(body: string, word: string) {
  const opened = await embed.open(`${body}${keep}${script}`);
  const frame = await opened.frame();
  await until("the script to have said everything", async () => (await opened.page.$eval("pre iframe", (element) => (element as unknown as { style: { visibility: string } }).style.visibility)) === "");
  await frame.click(".btn.primary");
  await ended(frame, word);
  return { ...opened, frame };
}
const events = async ({ page }: { page: { evaluate(code: string): Promise<unknown> } }, type: string) => (await page.evaluate(`events.filter(([one]) => one === ${JSON.stringify(type)}).map(([, detail]) => detail)`)) as any[];

test("files and code that the reader does not see run with the program", async () => {
  const body = `<script type="text/plain" id="words.py">greeting = "Hello"</script>
    <script type="text/plain" id="data" data-path="data/name.txt">Ada</script>
    <template id="around">import words\n{{code}}\nprint(greet(open("data/name.txt").read()), "$&")</template>
    ${pre(`data-files="#words.py #data" data-template="#around"`, "def greet(name):\n    return f'{words.greeting}, {name}!'")}`;
  const { frame } = await lesson(body, "Success");
  assert.equal(await output(frame), "Hello, Ada! $&\n");
  assert.ok(!(await frame.$eval(".cm-content", (element) => element.textContent ?? "")).includes("print"));
});

test("a program that does what is expected passes, and one that does not says what is missing", async () => {
  const passed = await lesson(pre(`data-check="6.0"`, "print(3 * 4 / 2)"), "Passed");
  assert.equal((await events(passed, "pass")).length, 1);
  assert.deepEqual(await events(passed, "fail"), []);
  assert.equal(await passed.frame.$eval("[role=status]", (element) => element.textContent), "Passed");

  const failed = await lesson(pre(`data-check="6.0"`, "print(3 * 4)"), "Not yet");
  assert.match(await line(failed.frame), /^Not yetexpected 6\.0/);
  const [{ index, expected, actual, data }] = await events(failed, "fail");
  assert.deepEqual([index, expected, actual, data.ok], [0, "6.0", "12\n", true]);
  assert.deepEqual(await events(failed, "pass"), []);
});

test("a program that crashes has not passed, whatever it has written", async () => {
  const failed = await lesson(pre(`data-check="6"`, "print(6)\nraise SystemExit(3)"), "Not yet");
  assert.match(await line(failed.frame), /^Not yetexit 3/);
});

test("each test is a run with its own input and arguments, and the first that fails is shown", async () => {
  const tests = JSON.stringify([{ stdin: "1 2\n", expected: "3" }, { name: "with a word", stdin: "2 2\n", args: ["x"], expected: "4 ['x']" }, { stdin: "never" }]);
  const body = `<script type="application/json" id="tests">${tests}</script>${pre(`data-check="#tests"`, "import sys\nprint(sum(map(int, input().split())), *([sys.argv[1:]] if sys.argv[1:] else []))")}`;
  const failed = await lesson(body.replace('"4 [', '"5 ['), "Not yet");
  assert.match(await line(failed.frame), /^Not yetwith a wordexpected 5 \['x'\]/);
  assert.equal(await output(failed.frame), "4 ['x']\n");
  assert.deepEqual((await events(failed, "fail")).map(({ index, name }) => [index, name]), [[1, "with a word"]]);
  const passed = await lesson(body.replace(', {"stdin":"never"}', "").replace(',{"stdin":"never"}', ""), "Passed");
  assert.match(await line(passed.frame), /^Passed2 tests/);
});

test("a stored judge decides, and the page learns neither its tests nor what the program has written", async () => {
  const hidden = { name: "Sums", tests: [{ name: "small", stdin: "1 2", expected: "3" }, { name: "large", stdin: "1000000 1", expected: "1000001" }] };
  const { id } = await json(201, await embed.user.call("POST", `/api/projects/${embed.project}/judges`, hidden));
  const passed = await lesson(pre(`data-judge="${id}"`, "print(sum(map(int, input().split())))"), "Passed");
  assert.match(await line(passed.frame), /^Passed2 of 2 tests/);
  assert.deepEqual((await events(passed, "pass")).map(({ tests }) => tests), [2]);
  const failed = await lesson(pre(`data-judge="${id}"`, "text = input()\nprint(text)\nprint(3 if text == '1 2' else text)"), "Not yet");
  assert.match(await line(failed.frame), /^Not yet0 of 2 testswrong answer/);
  const [told] = await events(failed, "fail");
  assert.deepEqual([told.index, told.name, told.passed, told.tests, told.actual], [0, "small", 0, 2, ""]);
  assert.ok(!/1000000|1 2|"3"/.test(JSON.stringify(told)), JSON.stringify(told));
  assert.equal(await output(failed.frame), "");
  const none = await lesson(pre(`data-judge="jdg_x"`, "print(1)"), "Not run");
  assert.match(await output(none.frame), /no judge with this id/);
});

test("one playground that names an element which is not there kept all later ones from being made", async () => {
  const opened = await embed.open(`${pre(`data-check="#nowhere"`, "print('first')")}<div data-docle data-loading="eager">print('second')</div>${script}`);
  const frame = await opened.frame();
  assert.match(await frame.$eval(".cm-content", (element) => element.textContent ?? ""), /second/);
  assert.equal(await opened.page.$eval("pre", (element) => element.textContent?.trim()), "print('first')");
  assert.ok(opened.console.some((line) => line.includes("#nowhere")), opened.console.join("\n"));
});

test("run() of a page says whether the program has passed", async () => {
  const opened = await embed.open(`<script src="${embed.url}/embed.js"></script><div id="lesson"></div>`);
  await opened.page.waitForFunction("window.Docle !== undefined");
  const options = { code: "print(input())", publishableKey: embed.key, endpoint: embed.url, loading: "eager", check: [{ stdin: "a", expected: "a" }, { stdin: "b", expected: "c" }] };
  const result = (await opened.page.evaluate(`window.one = new Docle.Embed(document.querySelector("#lesson"), ${JSON.stringify(options)}); one.run()`)) as { check: unknown; stdout: string };
  assert.deepEqual([result.check, result.stdout], [{ passed: false, index: 1, expected: "c", actual: "b\n" }, "b\n"]);
});

for (const [what, program] of [
  ["JSON of objects", `print('[{"n": 1, "name": "a<b>"}, {"n": 22, "other": null}]')`],
  ["comma-separated values", `print('n,name,other\\n1,"a<b>",\\n22,,')`],
  ["JSON of lists", `print('[["n", "name", "other"], [1, "a<b>", null], [22, "", ""]]')`],
] as const) {
  test(`${what} is a table`, async () => {
    const { frame, page, console } = await lesson(pre(`data-output="table"`, program), "Success");
    const cells = (await frame.$$eval(".out tr", (rows) => rows.map((row) => Array.from((row as unknown as { cells: { textContent: string }[] }).cells, (cell) => cell.textContent)))) as string[][];
    assert.deepEqual(cells, [["n", "name", "other"], ["1", "a<b>", ""], ["22", "", ""]]);
    assert.equal(await frame.$(".out b"), null);
    assert.deepEqual(console, []);
    assert.equal((await events({ page }, "result")).length, 1);
  });
}

test("output that is no table is text", async () => {
  const { frame } = await lesson(pre(`data-output="table"`, "print('just words')"), "Success");
  assert.equal(await output(frame), "just words\n");
});

test("SVG and HTML are drawn in a frame of their own origin, as high as they are", async () => {
  const svg = await lesson(pre(`data-output="svg"`, `print('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="300"><rect width="40" height="300"/></svg>')`), "Success");
  const drawn = async (page: typeof svg.page) => {
    let found: Frame | undefined;
    await until("what is drawn", async () => (found = page.frames().find((one) => one.url().includes("/embed/output-"))) !== undefined && (await found.$("svg, h2").catch(() => null)) !== null);
    return found ?? assert.fail("no frame");
  };
  await drawn(svg.page);
  await until("its height", async () => (await svg.frame.$eval(".drawn", (element) => (element as unknown as { offsetHeight: number }).offsetHeight)) >= 300);
  assert.deepEqual(svg.console, []);
  const html = await lesson(pre(`data-output="html"`, `print('<h2>Chart</h2><script>document.querySelector("h2").textContent += " drawn"</script>')`), "Success");
  const inside = await drawn(html.page);
  await until("its script", async () => (await inside.$eval("h2", (element) => element.textContent)) === "Chart drawn");
  assert.deepEqual(html.console, []);
});

test("HTML of a program reads nothing of the service, reaches no network, leads the page nowhere, and speaks for nobody", async () => {
  const attack = `
    const found = {};
    const attempt = (name, what) => { try { found[name] = String(what()); } catch (error) { found[name] = error.name; } };
    attempt("cookie", () => document.cookie);
    attempt("storage", () => localStorage.length);
    attempt("parent", () => parent.document.title);
    attempt("top", () => { top.location.href = "${embed.browser.address(EVIL)}"; return "left"; });
    attempt("popup", () => open("${embed.browser.address(EVIL)}"));
    found.origin = self.origin;
    for (const to of [parent, top]) for (const type of ["docle-run", "docle-result", "docle-set-code"]) to.postMessage({ type, code: "print('stolen')", data: { stdout: "forged" } }, "*");
    parent.postMessage({ height: 1e9 }, "*");
    parent.postMessage({ height: "1; position: fixed" }, "*");
    const report = () => { document.body.dataset.found = JSON.stringify(found); };
    fetch("${embed.url}/health").then(() => { found.fetch = "read"; }, (error) => { found.fetch = error.name; }).then(() => {
      const image = new Image(); image.onload = () => { found.image = "loaded"; report(); }; image.onerror = () => { found.image = "refused"; report(); };
      image.src = "${embed.url}/favicon.ico";
    });`;
  const program = `import base64\nprint('<p>x</p><script>' + base64.b64decode('${Buffer.from(attack).toString("base64")}').decode() + '</script>')`;
  const opened = await lesson(pre(`data-output="html"`, program), "Success");
  let found: Record<string, string> = {};
  await until("the attack to have ended", async () => {
    const inside = opened.page.frames().find((one) => one.url().includes("/embed/output-"));
    const text = await inside?.$eval("body", (body) => (body as unknown as { dataset: { found?: string } }).dataset.found).catch(() => undefined);
    if (text === undefined) return false;
    found = JSON.parse(text) as Record<string, string>;
    return true;
  });
  assert.deepEqual(found, { cookie: "SecurityError", storage: "SecurityError", parent: "SecurityError", top: "SecurityError", popup: "null", origin: "null", fetch: "TypeError", image: "refused" });
  assert.ok(opened.page.url().includes("lessons.localhost"));
  assert.equal((await events(opened, "result")).length, 1, "the page hears the frame, and not what is in it");
  assert.ok((await opened.frame.$eval(".cm-content", (element) => element.textContent ?? "")).includes("base64"));
  assert.ok((await opened.frame.$eval(".drawn", (element) => (element as unknown as { offsetHeight: number }).offsetHeight)) <= 4_000);
});

test("the page that draws takes nothing from another site, and has no origin there either", async () => {
  const address = (await (await embed.docle.fetch("/embed")).text()).match(/\/embed\/output-[0-9a-f]+\.html/)?.[0] ?? assert.fail("no page");
  const response = await embed.docle.fetch(address);
  assert.match(response.headers.get("content-security-policy") ?? "", /^sandbox allow-scripts; default-src 'none'/);
  const opened = await embed.open(`<iframe title="Stolen" src="${embed.url}${address}"></iframe><script>addEventListener("message", ({ data }) => (window.isReady = data.isReady));</script>`, EVIL);
  await opened.page.waitForFunction("window.isReady === true");
  const frame = opened.page.frames().find((one) => one.url().includes("/embed/output-")) ?? assert.fail("no frame");
  await frame.evaluate("window.got = new Promise((resolve) => addEventListener('message', () => resolve(0))); 0");
  await opened.page.evaluate("frames[0].postMessage('<h2>Phished</h2>', '*')");
  await frame.evaluate("window.got");
  assert.equal(await frame.$("h2"), null);
  assert.equal(await frame.evaluate("self.origin"), "null");
});

for (const [setup, message] of [
  [`"x"`, /setup must be an object/],
  [`{ files: {} }`, /files must be a list/],
  [`{ files: [{ path: "a.py" }] }`, /files\[0\]\.content must be a text/],
  [`{ files: [Object.create({ path: "a.py", content: "" })] }`, /files\[0\]\.path must be a text/],
  [`{ packages: "numpy" }`, /packages must be a list of texts/],
  [`{ template: "print(1)" }`, /template must be a text with \{\{code\}\}/],
  [`{ check: [] }`, /check must be the expected output, or 1 to 20 tests/],
  [`{ check: [{ stdin: 1 }] }`, /check\[0\]\.stdin must be a text/],
  [`{ judge: "jdg_x", check: "1" }`, /judge must be the id of a stored judge, without check/],
  [`{ output: "pdf" }`, /output must be one of text, table, svg, html/],
  [`(() => { const round = {}; round.round = round; return round; })()`, /setup must be an object of at most/],
  [`{ template: "{{code}}".repeat(600_000) }`, /setup must be an object of at most/],
] as const) {
  test(`the setup ${setup.slice(0, 50)} is refused in words`, async () => {
    const opened = await embed.openFrame({ code: "print(1)" });
    await opened.frame();
    await opened.page.evaluate(`document.querySelector("iframe").contentWindow.postMessage({ type: "docle-setup", setup: ${setup} }, "*")`);
    await until("the error", async () => (await heard(opened.page, "docle-error")).length === 1);
    const [{ error } = {}] = await heard(opened.page, "docle-error");
    assert.equal(error.code, "invalid_request");
    assert.match(error.message, message);
  });
}

test("packages that the key does not allow are refused in words", async () => {
  const refused = await lesson(pre(`data-packages="numpy, pandas"`, "print(1)"), "Not run");
  assert.match(await output(refused.frame), /packages/);
  assert.equal((await events(refused, "error")).length, 1);
});

test("a program opens in the playground of the website, with its input", async () => {
  const opened = await embed.openFrame({ code: "print('é', input())", stdin: "Ada" });
  const frame = await opened.frame();
  // The website asks people to sign in; what it is asked for is the link.
  await frame.evaluate("window.open = (...call) => (window.opened = call)");
  await frame.click("[aria-label^='Open in the playground']");
  await frame.waitForFunction("window.opened !== undefined");
  const [link = "", target, features] = (await frame.evaluate("window.opened")) as string[];
  assert.deepEqual([target, features], ["_blank", "noopener"]);
  const [page, packed = ""] = link.split("#z=");
  assert.equal(page, `${embed.url}/playground`);
  assert.deepEqual(JSON.parse(inflateRawSync(Buffer.from(packed, "base64url")).toString()), { lang: "python", code: "print('é', input())", stdin: "Ada", packages: "" });
});
