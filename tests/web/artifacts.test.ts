//! Files of runs on the website: images are shown, and no file of a program is a page of the site.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Page } from "puppeteer-core";
import { shows, Site, textOf } from "../harness/site.ts";
import { until } from "../harness/until.ts";

const site = await Site.start();
after(() => site.stop());

const FILES = "[data-testid=run-files]";
/** A red picture of two by two dots, and a table. */
const PICTURE = `import struct, zlib
chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
header = chunk(b'IHDR', struct.pack('>IIBBBBB', 2, 2, 8, 2, 0, 0, 0))
pixels = chunk(b'IDAT', zlib.compress((b'\\0' + b'\\xff\\0\\0' * 2) * 2))
open('red.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + header + pixels + chunk(b'IEND', b''))
open('table.csv', 'w').write('a,b\\n')`;
/** A document that takes what it can read of the site. */
const THIEF = `<script xmlns="http://www.w3.org/2000/svg">localStorage.setItem('stolen', document.cookie); fetch('/auth/me', { credentials: 'include' }).then((answer) => answer.text()).then((text) => localStorage.setItem('stolen', text));</script>`;

/** Whether each image of the list was drawn, and how wide. */
const drawn = (page: Page) => page.$$eval(`${FILES} img`, (images) => images.map((image) => (image as unknown as { naturalWidth: number }).naturalWidth));

test("a picture that a program made is shown in the playground and in the history", async () => {
  const { user, project } = await site.account("files@example.com");
  const { page, console } = await site.open("/login", { user });
  await page.evaluate((text) => localStorage.setItem("docle.playground", text), JSON.stringify({ lang: "python", code: PICTURE }));
  await page.goto(`${site.url}/playground`);
  await page.waitForSelector("[data-testid=editor] .cm-content");
  await page.click("[data-testid=run]");
  await shows(page, FILES, "table.csv");
  await until("the picture", async () => (await drawn(page))[0] === 2);
  assert.match(await textOf(page, FILES), /red\.png\s*\d+ B[^]*table\.csv\s*4 B/);
  assert.deepEqual(await page.$$eval(`${FILES} a`, (links) => links.map((link) => (link as unknown as URL).pathname.split("/").at(-1))), ["0-red.png", "1-table.csv"]);

  await page.goto(`${site.url}/projects/${project}?tab=usage`);
  await until("the run", async () => {
    await page.reload();
    return (await page.$("table.hist tbody tr a")) !== null;
  }, 30);
  await page.click("table.hist tbody tr a");
  await shows(page, `[data-testid=run-drawer] ${FILES}`, "red.png");
  await until("the picture", async () => (await drawn(page))[0] === 2);
  assert.deepEqual(console, []);
});

/** A page that says "Hello" in large letters, and a document that calls itself one and is none. */
const DOCUMENTS = `objects = [b'<</Type/Catalog/Pages 2 0 R>>', b'<</Type/Pages/Kids[3 0 R]/Count 1>>', b'<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>']
text = b'BT /F 40 Tf 20 40 Td (Hello) Tj ET'
objects.append(b'<</Length %d>>stream\\n%s\\nendstream' % (len(text), text))
pdf, places = b'%PDF-1.4\\n', []
for number, content in enumerate(objects, 1):
    places.append(len(pdf))
    pdf += b'%d 0 obj%s endobj\\n' % (number, content)
table = b''.join(b'%010d 00000 n \\n' % place for place in places)
end = b'xref\\n0 5\\n0000000000 65535 f \\n' + table + b'trailer<</Size 5/Root 1 0 R>>\\nstartxref\\n%d\\n%%%%EOF' % len(pdf)
open('report.pdf', 'wb').write(pdf + end)
open('thief.pdf', 'w').write("<script>localStorage.setItem('stolen', '1')</script>")`;

test("a PDF that a program made is shown when it is asked for, and what calls itself one runs nothing", async () => {
  const { user } = await site.account("documents@example.com");
  const { page, console } = await site.open("/login", { user });
  await page.evaluate((text) => localStorage.setItem("docle.playground", text), JSON.stringify({ lang: "python", code: DOCUMENTS }));
  await page.goto(`${site.url}/playground`);
  await page.waitForSelector("[data-testid=editor] .cm-content");
  await page.click("[data-testid=run]");
  await shows(page, FILES, "thief.pdf");
  assert.equal(await page.$(`${FILES} canvas`), null);
  // A click of the mouse could miss the second one, because the first document moves it.
  await page.$$eval(`${FILES} button`, (buttons) => buttons.forEach((button) => (button as unknown as { click(): void }).click()));
  await page.waitForSelector(`${FILES} canvas[data-drawn]`);
  // What is not white on the page is its text.
  const dark = await page.$eval(`${FILES} canvas`, (canvas) => {
    const { width, height } = canvas as unknown as { width: number; height: number };
    const context = (canvas as unknown as { getContext(kind: "2d"): { getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray } } }).getContext("2d");
    return context.getImageData(0, 0, width, height).data.filter((value, index) => index % 4 === 0 && value < 128).length;
  });
  assert.ok(dark > 500, `${dark} dark dots`);
  await shows(page, FILES, "cannot be shown as a PDF");
  assert.equal(await page.evaluate("localStorage.getItem('stolen')"), null);
  await (await page.$(`${FILES} button`))?.click();
  await until("it is hidden", async () => (await page.$(`${FILES} canvas`)) === null);
  assert.deepEqual(console, []);
});

test("a document that a program made reads nothing of the site, however it is opened", async () => {
  const { user, project } = await site.account("thief@example.com");
  const key = await site.key(user, project);
  const names = ["a.html", "b.svg", "c.xml", "d.pdf", "e.txt"];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">${THIEF}</svg>`;
  const code = names.map((name) => `open('${name}', 'w').write(${JSON.stringify(name === "b.svg" || name === "c.xml" ? svg : THIEF)})`).join("\n");
  const { artifacts } = (await (await fetch(`${site.url}/api/run`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body: JSON.stringify({ lang: "python", code, artifacts: names }) })).json()) as { artifacts: { url: string }[] };
  assert.equal(artifacts.length, names.length);
  const { page } = await site.open("/login", { user });
  for (const { url } of artifacts) {
    const tab = await page.browserContext().newPage();
    // A browser downloads it, and stays where it was.
    await assert.rejects(tab.goto(url), /ERR_ABORTED/, url);
    assert.equal(tab.url(), "about:blank");
    await tab.close();
    const worker = await page.evaluate(`navigator.serviceWorker.register(${JSON.stringify(url)}).then(() => "registered", () => "refused")`);
    assert.equal(worker, "refused");
    // As an image it is drawn or not, and runs nothing.
    await page.evaluate(`new Promise((done) => {
      const image = new Image();
      image.onload = image.onerror = done;
      image.src = ${JSON.stringify(url)};
    }).then(() => undefined)`);
  }
  assert.equal(await page.evaluate("localStorage.getItem('stolen')"), null);
});
