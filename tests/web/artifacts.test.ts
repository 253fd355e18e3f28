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
