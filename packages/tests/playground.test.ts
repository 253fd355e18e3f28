//! `DoclePlayground` of `@doclehq/react` and `@doclehq/vue`, from their tarballs, in a page of another site: the frame of the real
//! service, in a real browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { compileScript, parse } from "vue/compiler-sfc";
import { EmbedFixture, ended, output } from "../../tests/harness/embed.ts";
import { until } from "../../tests/harness/until.ts";
import { install } from "./packed.ts";
import { bundle } from "./page.ts";

const packages = dirname(dirname(fileURLToPath(import.meta.url)));
const installed = [install("sdk"), install("react"), install("vue")] as const;
const [, react, vue] = installed;
const embed = await EmbedFixture.start();
after(async () => {
  await embed.stop();
  for (const one of installed) one.remove();
});

/** The first example of a README, with the key and the address of the service under test. */
function example(name: string, language: string, options: string): string {
  const [, code = ""] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(readFileSync(join(packages, name, "README.md"), "utf8")) ?? [];
  assert.match(code, /pk_live_…/);
  return code.replace("pk_live_…", embed.key).replace('lang="python"', `lang="python" endpoint="${embed.url}" loading="eager" ${options}`);
}

const virtual = (code: string, resolveDir: string): Plugin => ({
  name: "virtual",
  setup(build) {
    build.onResolve({ filter: /^virtual:/ }, ({ path }) => ({ path, namespace: "virtual" }));
    build.onLoad({ filter: /.*/, namespace: "virtual" }, () => ({ contents: code, loader: "tsx", resolveDir }));
  },
});

const oldReact = join(packages, "tests", "react-18", "node_modules");
const showReact = `import { createRoot } from "react-dom/client"; import { StrictMode } from "react"; import { App } from "virtual:example";
  const root = createRoot(document.getElementById("root")); root.render(<StrictMode><App /></StrictMode>); globalThis.leave = () => root.unmount();`;
const showVue = `import { createApp } from "vue"; import App from "virtual:example"; const app = createApp(App); app.mount("#root"); globalThis.leave = () => app.unmount();`;
const sfc = (code: string) => compileScript(parse(code).descriptor, { id: "example", inlineTemplate: true }).content;

for (const { name, script, greeting } of [
  { name: "React 18", greeting: "Hello, React!", script: () => bundle(showReact, react.folder, { plugins: [virtual(example("react", "tsx", ""), react.folder)], alias: { react: join(oldReact, "react"), "react-dom": join(oldReact, "react-dom") } }) },
  { name: "React 19", greeting: "Hello, React!", script: () => bundle(showReact, react.folder, { plugins: [virtual(example("react", "tsx", ""), react.folder)] }) },
  { name: "Vue 3.3", greeting: "Hello, Vue!", script: () => bundle(showVue, vue.folder, { plugins: [virtual(sfc(example("vue", "vue", "")), vue.folder)], alias: { vue: join(packages, "node_modules", "vue-3.3") } }) },
  { name: "Vue 3.5", greeting: "Hello, Vue!", script: () => bundle(showVue, vue.folder, { plugins: [virtual(sfc(example("vue", "vue", "")), vue.folder)] }) },
]) {
  test(`${name}: the playground of the README runs, tells its result, and leaves nothing`, async () => {
    const lesson = await embed.open(`<div id="root"></div><script type="module">${await script()}</script>`);
    const frame = await lesson.frame();
    await frame.click(".btn.primary");
    await ended(frame, "Success");
    assert.equal(await output(frame), `${greeting}\n`);
    await until("the result in the page", () => lesson.console.some((line) => line.startsWith("Execution completed:") && line.includes(greeting)));
    assert.equal((await lesson.page.$$("iframe")).length, 1);
    await lesson.page.evaluate("leave()");
    assert.equal(await lesson.page.$eval("#root", (root) => root.innerHTML.replace("<!---->", "")), "");
    assert.deepEqual(lesson.console.filter((line) => !line.startsWith("Execution completed:") && line !== "Playground ready" && !line.includes("React DevTools")), []);
  });
}

for (const [name, show, folder] of [
  ["React", `import { createRoot } from "react-dom/client"; import { createElement, createRef, useState } from "react"; import { DoclePlayground } from "@doclehq/react";
    const ref = createRef(); const options = (more) => ({ ref, publishableKey: KEY, endpoint: URL_, loading: "eager", onRun: ({ stdout }) => (globalThis.ran = [more.mark, stdout]), ...more });
    let set; function App() { const [more, change] = useState({ code: "print(1)", mark: "a" }); set = change; return createElement(DoclePlayground, options(more)); }
    createRoot(document.getElementById("root")).render(createElement(App)); Object.assign(globalThis, { change: (more) => set(more), playground: () => ref.current });`, react.folder],
  ["Vue", `import { createApp, h, ref, shallowRef } from "vue"; import { DoclePlayground } from "@doclehq/vue";
    const more = shallowRef({ code: "print(1)", mark: "a" }); const it = ref();
    createApp({ setup: () => () => { const { mark, ...rest } = more.value; return h(DoclePlayground, { ref: it, publishableKey: KEY, endpoint: URL_, loading: "eager", onRun: ({ stdout }) => (globalThis.ran = [mark, stdout]), ...rest }); } }).mount("#root");
    Object.assign(globalThis, { change: (next) => (more.value = next), playground: () => it.value });`, vue.folder],
] as const) {
  test(`${name}: a changed code wiped what the user had typed, or a changed callback was not called`, async () => {
    const script = await bundle(show.replace("KEY", JSON.stringify(embed.key)).replace("URL_", JSON.stringify(embed.url)), folder);
    const { page, frame } = await embed.open(`<div id="root"></div><script type="module">${script}</script>`);
    await frame();
    const call = (code: string) => page.evaluate(code);
    assert.equal(await call("playground().getCode()"), "print(1)");
    await call('change({ code: "print(2)", mark: "b" })');
    await until("the changed program", async () => (await call("playground().getCode()")) === "print(2)");
    await call("playground().run()");
    await until("the callback of the last rendering", async () => JSON.stringify(await call("globalThis.ran")) === '["b","2\\n"]'.replace("\n", "\\n"));
    await call('playground().setCode("print(3) # typed")');
    await call('change({ code: "print(4)", mark: "c", theme: "light" })');
    await until("the theme", async () => (await (await frame()).evaluate(() => document.documentElement.dataset.theme ?? document.documentElement.className)).includes("light"));
    assert.equal(await call("playground().getCode()"), "print(3) # typed");
  });
}

for (const [name, show, folder] of [
  ["React", `import { createRoot } from "react-dom/client"; import { createElement } from "react"; import { DoclePlayground } from "@doclehq/react";
    createRoot(document.getElementById("root")).render(createElement(DoclePlayground, { ...OPTIONS, onPass: () => told.push("pass"), onFail: (failure) => told.push(failure) }));`, react.folder],
  ["Vue", `import { createApp, h } from "vue"; import { DoclePlayground } from "@doclehq/vue";
    createApp({ render: () => h(DoclePlayground, { ...OPTIONS, onPass: () => told.push("pass"), onFail: (failure) => told.push(failure) }) }).mount("#root");`, vue.folder],
] as const) {
  test(`${name}: an exercise tells whether the program has passed`, async () => {
    const options = {
      publishableKey: embed.key,
      endpoint: embed.url,
      loading: "eager",
      code: "print(words.greeting, 'Ada')",
      files: [{ path: "words.py", content: "greeting = 'Hello'" }],
      template: "import words\n{{code}}",
      check: "Hello, Ada",
    };
    const script = await bundle(`globalThis.told = []; const OPTIONS = ${JSON.stringify(options)};\n${show}`, folder);
    const lesson = await embed.open(`<div id="root"></div><script type="module">${script}</script>`);
    const frame = await lesson.frame();
    await until("the playground to be set up", async () => (await lesson.page.$eval("iframe", (one) => one.style.visibility)) === "");
    await frame.click(".btn.primary");
    await ended(frame, "Not yet");
    const told = (await lesson.page.evaluate("told")) as unknown[];
    assert.deepEqual(told, [{ index: 0, expected: "Hello, Ada", actual: "Hello Ada\n" }]);
    await frame.focus(".cm-content");
    await lesson.page.keyboard.down("Control");
    await lesson.page.keyboard.press("a");
    await lesson.page.keyboard.up("Control");
    await lesson.page.keyboard.type("print(words.greeting + ', Ada')");
    await frame.click(".btn.primary");
    await ended(frame, "Passed");
    await until("the callback", async () => ((await lesson.page.evaluate("told")) as unknown[]).length === 2);
    assert.equal(((await lesson.page.evaluate("told")) as unknown[])[1], "pass");
  });
}
