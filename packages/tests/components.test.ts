//! `@doclehq/react` and `@doclehq/vue`, from their tarballs: the examples of their READMEs in a real browser, against the real
//! service, in the oldest and the newest version of each framework.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import type { Page } from "playwright-core";
import { compileScript, parse } from "vue/compiler-sfc";
import { Docle as Service } from "../../tests/harness/docle.ts";
import { startBrowser } from "./browser.ts";
import { install } from "./packed.ts";
import { bundle, Website } from "./page.ts";

const packages = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = (...path: string[]) => join(packages, ...path);

const sdk = install("sdk");
const react = install("react");
const vue = install("vue");
const service = await Service.start();
const website = await Website.start(service.worker);
/** Its server has a key that the service does not know. */
const unknown = await Website.start({ ...service.worker, key: "sk_live_unknown" });
const browser = await startBrowser();
after(async () => {
  await browser.close();
  website.stop();
  unknown.stop();
  await service.stop();
  for (const installed of [sdk, react, vue]) installed.remove();
});

/** The examples in a README of one language. */
const examples = (name: string, language: string) =>
  Array.from(readFileSync(modules(name, "README.md"), "utf8").matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm")), ([, code = ""]) => code);

/** The files of a folder that is not there, by name. */
const virtual = (files: Record<string, string>, resolveDir: string): Plugin => ({
  name: "virtual",
  setup(build) {
    build.onResolve({ filter: /^virtual:/ }, ({ path }) => ({ path, namespace: "virtual" }));
    build.onLoad({ filter: /.*/, namespace: "virtual" }, ({ path }) => ({ contents: files[path.slice("virtual:".length)] ?? assert.fail(path), loader: "tsx", resolveDir }));
  },
});

/** How one version of a framework shows the examples, in a page and on a server. */
interface Framework {
  name: string;
  /** A script that shows the component `Example` of the module `virtual:example` in the element `root`. */
  show: string;
  /** The same where the server has already rendered the element. */
  hydrate: string;
  /** A module that exports the HTML of the component as `html`. */
  render: string;
  example(source: string): string;
  sources: string[];
  places: Record<string, string>;
  folder: string;
}

const reactWith = (version: string, folder: string): Framework => ({
  name: `React ${version}`,
  show: `import { createRoot } from "react-dom/client"; import { StrictMode } from "react"; import * as all from "virtual:example";
    const [Example] = Object.values(all); const root = createRoot(document.getElementById("root"));
    root.render(<StrictMode><Example /></StrictMode>); globalThis.leave = () => root.unmount();`,
  hydrate: `import { hydrateRoot } from "react-dom/client"; import { StrictMode } from "react"; import * as all from "virtual:example";
    const [Example] = Object.values(all); const root = hydrateRoot(document.getElementById("root"), <StrictMode><Example /></StrictMode>); globalThis.leave = () => root.unmount();`,
  render: `import { renderToString } from "react-dom/server.node"; import * as all from "virtual:example"; const [Example] = Object.values(all); export const html = renderToString(<Example />);`,
  example: (source) => source,
  sources: examples("react", "tsx"),
  places: { react: join(folder, "react"), "react-dom": join(folder, "react-dom") },
  folder: react.folder,
});

const vueWith = (version: string, folder: string): Framework => ({
  name: `Vue ${version}`,
  show: `import { createApp } from "vue"; import Example from "virtual:example"; const app = createApp(Example); app.mount("#root"); globalThis.leave = () => app.unmount();`,
  hydrate: `import { createSSRApp } from "vue"; import Example from "virtual:example"; const app = createSSRApp(Example); app.mount("#root"); globalThis.leave = () => app.unmount();`,
  render: `import { createSSRApp } from "vue"; import { renderToString } from "vue/server-renderer"; import Example from "virtual:example"; export const html = await renderToString(createSSRApp(Example));`,
  example: (source) => compileScript(parse(source).descriptor, { id: "example", inlineTemplate: true }).content,
  sources: examples("vue", "vue"),
  places: { vue: folder },
  folder: vue.folder,
});

const frameworks = [
  reactWith("18", modules("tests", "react-18", "node_modules")),
  reactWith("19", modules("node_modules")),
  vueWith("3.3", modules("node_modules", "vue-3.3")),
  vueWith("3.5", modules("node_modules", "vue")),
];

/** A page whose console and errors are kept, and for which the public address of the service is the one under test. */
async function open(address: string): Promise<{ page: Page; said: string[] }> {
  const page = await browser.newPage();
  const said: string[] = [];
  page.on("console", (message) => ["warning", "error"].includes(message.type()) && said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  await page.route("https://api.docle.co/**", async (route) => {
    const request = route.request();
    const response = await fetch(service.worker.url + new URL(request.url()).pathname, { method: request.method(), headers: await request.allHeaders(), body: request.postData() });
    await route.fulfill({ status: response.status, headers: Object.fromEntries(response.headers), body: Buffer.from(await response.arrayBuffer()) });
  });
  await page.goto(address);
  return { page, said };
}

for (const framework of frameworks) {
  const [, editor = "", token = ""] = framework.sources.map(framework.example);
  const script = (code: string, source: string) => bundle(code, framework.folder, { plugins: [virtual({ example: source }, framework.folder)], alias: framework.places });
  const name = framework.name.toLowerCase().replace(" ", "-");

  test(`${framework.name}: the editor of the README runs what is typed, shows output as it is written, and stops`, async () => {
    const { page, said } = await open(website.add(name, '<div id="root"></div>', await script(framework.show, editor)));
    const output = page.locator("pre");
    await page.getByRole("button", { name: "Run Code" }).click();
    await page.getByText("success, exit code 0").waitFor();
    assert.equal(await output.textContent(), "Hello!\n");

    await page.getByLabel("Program").fill("import time\nprint('first', flush=True)\ntime.sleep(4)");
    await page.getByRole("button", { name: "Run Code" }).click();
    await output.getByText("first").waitFor();
    assert.ok(await page.getByRole("button", { name: "Running..." }).isDisabled());
    assert.equal(await page.getByText("success").count(), 0);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Run Code" }).waitFor();
    assert.equal(await output.textContent(), "first\n");
    assert.equal(await page.getByRole("alert").count(), 0);

    await page.getByLabel("Program").fill("raise SystemExit(3)");
    await page.getByRole("button", { name: "Run Code" }).click();
    await page.getByText("error, exit code 3").waitFor();
    assert.deepEqual(said, []);
    await page.close();
  });

  test(`${framework.name}: a refused run is told with the service's sentence`, async () => {
    const { page } = await open(unknown.add(name, '<div id="root"></div>', await script(framework.show, editor)));
    await page.getByRole("button", { name: "Run Code" }).click();
    await page.getByRole("alert").getByText("API key").waitFor();
    assert.ok(await page.getByRole("button", { name: "Run Code" }).isEnabled());
    await page.close();
  });

  test(`${framework.name}: a page runs with a token of its server`, async () => {
    const { page, said } = await open(website.add(`${name}-token`, '<div id="root"></div>', await script(framework.show, token)));
    await page.getByRole("button", { name: "Say hello" }).click();
    await page.getByRole("button", { name: "Hello from Node" }).waitFor();
    assert.deepEqual(said, []);
    await page.close();
  });

  test(`${framework.name}: what a server renders is taken over without a warning, and a run ends with its component`, async () => {
    const rendered = await bundle(framework.render, framework.folder, { platform: "node", plugins: [virtual({ example: editor }, framework.folder)], alias: framework.places });
    const { html } = (await import(`data:text/javascript;base64,${Buffer.from(`import { createRequire } from "node:module"; const require = createRequire(${JSON.stringify(import.meta.url)});${rendered}`).toString("base64")}`)) as { html: string };
    assert.match(html, /Run Code/);
    const { page, said } = await open(website.add(`${name}-hydrated`, `<div id="root">${html}</div>`, await script(framework.hydrate, editor)));
    const aborted = page.waitForEvent("requestfailed");
    await page.getByLabel("Program").fill("import time\nprint('on', flush=True)\ntime.sleep(4)");
    await page.getByRole("button", { name: "Run Code" }).click();
    await page.locator("pre").getByText("on").waitFor();
    await page.evaluate("leave()");
    assert.match((await aborted).failure()?.errorText ?? "", /ABORTED/);
    assert.deepEqual(said, []);
    await page.close();
  });
}
