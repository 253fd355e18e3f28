//! Websites that are made as people make them: with Next, and with Vite's rendering on a server. They are built, rendered, taken over by
//! the page without a warning, and run programs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { after, test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { EmbedFixture, ended, LESSONS, output } from "../../tests/harness/embed.ts";
import { until } from "../../tests/harness/until.ts";
import { install } from "./packed.ts";
import { execute, sample } from "./sample.ts";

const packages = { sdk: install("sdk"), react: install("react"), vue: install("vue") };
const embed = await EmbedFixture.start();
after(async () => {
  await embed.stop();
  for (const one of Object.values(packages)) one.remove();
});
const server = { DOCLE_API_KEY: embed.secret, DOCLE_BASE_URL: embed.url };

/** What a reader finds in the page at a port: its text before any script, and then what runs. */
async function visit(port: number, greeting: string): Promise<void> {
  const html = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  assert.match(html, /<pre[^>]*>print\((?:'|&#x27;|&#39;)Hello, /, "the program is there without JavaScript");
  assert.ok(!html.includes("<iframe") && !html.includes(embed.secret));

  const page = await embed.browser.browser.newPage();
  const lines: string[] = [];
  page.on("console", (message) => lines.push(message.text()));
  page.on("pageerror", (error) => lines.push(String(error)));
  await page.goto(`http://${LESSONS}:${port}/`);
  let frame = page.mainFrame();
  await until("the playground", async () => {
    const found = page.frames().find((one) => one.url().startsWith(`${embed.url}/embed?`));
    if (found === undefined || (await found.$(".cm-content").catch(() => null)) === null) return false;
    frame = found;
    return true;
  });
  await frame.click(".btn.primary");
  await ended(frame, "Success");
  assert.equal(await output(frame), `${greeting}\n`);

  await page.click("section button");
  await until("the output of the route", async () => (await page.$eval("#output", (element) => element.textContent)) === "From a route\n");
  await until("its status", async () => (await page.$("#status")) !== null);
  assert.equal(await page.$eval("#status", (element) => element.textContent), "success");
  assert.deepEqual(lines, [], "neither hydration nor anything else warns");
  await page.close();
}

test("a website with Next", { timeout: 600_000 }, async (context) => {
  const folder = await sample("next", { sdk: packages.sdk, react: packages.react });
  const env = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production", NEXT_PUBLIC_DOCLE_KEY: embed.key, NEXT_PUBLIC_DOCLE_URL: embed.url, ...server };
  const next = join(folder, "node_modules", "next", "dist", "bin", "next");
  await execute(folder, process.execPath, [next, "build"], env);
  const port = await start(context, folder, [next, "start", "--hostname", "127.0.0.1", "--port", "0"], env);
  await visit(port, "Hello, Next!");
});

/** Starts a server; answers with its port, which it prints. It ends with the test. */
async function start(context: TestContext, cwd: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  context.after(async () => {
    const gone = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await gone;
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const port = () => /http:\/\/(?:localhost|127\.0\.0\.1):([1-9]\d*)/.exec(said)?.[1];
  await until("the server", () => {
    assert.equal(child.exitCode, null, said);
    return port() !== undefined;
  }, 60);
  return Number(port());
}

const TYPES: Record<string, string> = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html; charset=utf-8" };

test("a website with Vite that a server renders", { timeout: 600_000 }, async (context) => {
  const folder = await sample("vite", { sdk: packages.sdk, vue: packages.vue });
  const env = { NODE_ENV: "production", VITE_DOCLE_KEY: embed.key, VITE_DOCLE_URL: embed.url };
  const vite = join(folder, "node_modules", "vite", "bin", "vite.js");
  await execute(folder, process.execPath, [vite, "build", "--outDir", "dist/page"], env);
  await execute(folder, process.execPath, [vite, "build", "--ssr", "render.js", "--outDir", "dist/server"], env);
  const { render } = (await import(pathToFileURL(join(folder, "dist", "server", "render.js")).href)) as { render(): Promise<string> };
  const html = readFileSync(join(folder, "dist", "page", "index.html"), "utf8").replace("<!--app-->", await render());
  const site = createServer((request, response) => {
    const path = join(folder, "dist", "page", request.url ?? "");
    if (request.url === "/") return void response.setHeader("content-type", "text/html; charset=utf-8").end(html);
    if (request.url === "/api/docle") {
      const headers = { authorization: `Bearer ${embed.secret}`, "content-type": "application/json", accept: request.headers.accept ?? "" };
      const init = { method: "POST", headers, body: Readable.toWeb(request), duplex: "half" } as RequestInit;
      return void fetch(`${embed.url}/api/run`, init).then(async (answer) => {
        response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
        for await (const piece of answer.body ?? []) response.write(piece);
        response.end();
      });
    }
    if (!existsSync(path)) return void response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
    createReadStream(path).pipe(response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream"));
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
  context.after(() => {
    site.closeAllConnections();
    site.close();
  });
  await visit((site.address() as AddressInfo).port, "Hello, Vite!");
});
