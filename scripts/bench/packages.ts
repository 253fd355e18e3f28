//! What the packages cost: their sizes against their budgets, a call of the SDK beside a bare `fetch`, and a page of twenty playgrounds.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { BUDGETS, weigh } from "../../packages/tests/budgets.ts";
import { install, load } from "../../packages/tests/packed.ts";
import { TestBrowser } from "../../tests/harness/browser.ts";
import { inRoot } from "../setup/paths.mjs";
import { inTurn, round } from "./measure.ts";
import { report } from "./report.ts";

/** What is measured of the SDK. */
interface Sdk {
  Docle: new (options: object) => { run(program: object): Promise<unknown> };
}

const names = [...new Set(["sdk", ...BUDGETS.map(({ name }) => name)])];
const installed = new Map(names.map((name) => [name, install(name)]));
const of = (name: string) => installed.get(name) ?? Promise.reject(new Error(name));

async function sizes(): Promise<string[]> {
  const rows = ["| package | what | bytes | budget |", "|---|---|---:|---:|"];
  for (const budget of BUDGETS) rows.push(`| ${[`@doclehq/${budget.name}`, budget.what, await weigh(budget, await of(budget.name)), budget.bytes].join(" | ")} |`);
  return rows;
}

/** A server that answers each run at once with the same result: what is left is the client. */
async function overhead(): Promise<string[]> {
  const result = JSON.stringify({ id: "run_1", ok: true, status: "success", exitCode: 0, stdout: "1\n", stderr: "", createdAt: new Date().toISOString() });
  const server = createServer((request, response) => void request.resume().on("end", () => response.setHeader("content-type", "application/json").end(result))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { Docle } = (await load(await of("sdk"))) as Sdk;
  const docle = new Docle({ apiKey: "sk_live_1", baseUrl });
  const limited = new Docle({ apiKey: "sk_live_1", baseUrl, timeoutMs: 60_000 });
  const program = { lang: "python", code: "print(1)" };
  const headers = { accept: "application/json", authorization: "Bearer sk_live_1", "content-type": "application/json" };
  const bare = async () => (await fetch(`${baseUrl}/api/run`, { method: "POST", headers, body: JSON.stringify(program) })).json();
  try {
    const [fetched, called, timed] = await inTurn(3_000, bare, () => docle.run(program), () => limited.run(program));
    if (fetched === undefined || called === undefined || timed === undefined) throw new Error("nothing was measured");
    return [
      "| a call that is answered at once | p50 ms | p95 ms | more than `fetch`, p50 |",
      "|---|---:|---:|---:|",
      `| \`fetch\` and \`json()\` | ${fetched.p50} | ${fetched.p95} | |`,
      `| \`docle.run\` | ${called.p50} | ${called.p95} | ${round(called.p50 - fetched.p50)} |`,
      `| the same with a \`timeoutMs\` | ${timed.p50} | ${timed.p95} | ${round(timed.p50 - fetched.p50)} |`,
    ];
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** How long the loader keeps the thread of a page with twenty playgrounds busy, and what it loads. */
async function page(): Promise<string[]> {
  const browser = await TestBrowser.start();
  const loader = readFileSync(inRoot("build", "embed", "embed.js"), "utf8");
  const playgrounds = Array.from({ length: 20 }, (_, number) => `<pre data-docle data-key="pk_live_1" data-endpoint="http://127.0.0.1:9">print(${number})\n</pre><p style="height: 600px">`).join("");
  const times: number[] = [];
  let frames = 0;
  try {
    for (let turn = 0; turn < 30; turn++) {
      browser.contents.set(`/${turn}`, `<!doctype html><title>Lesson</title><p style="height: 3000px">${playgrounds}<script>performance.mark("before"); document.addEventListener("DOMContentLoaded", () => performance.mark("making"));</script><script>${loader}</script><script>performance.mark("after"); document.addEventListener("DOMContentLoaded", () => performance.mark("made"));</script>`);
      const { page } = await browser.open(browser.address("lessons.localhost", `/${turn}`));
      times.push((await page.evaluate(`(() => { const at = (name) => performance.getEntriesByName(name)[0].startTime; return at("after") - at("before") + at("made") - at("making"); })()`)) as number);
      frames += (await page.$$("iframe")).length;
      await page.close();
    }
  } finally {
    await browser.stop();
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => round(times[Math.floor((times.length - 1) * share)] ?? NaN);
  return [
    "| a page of 20 playgrounds, all out of sight | p50 | p95 |",
    "|---|---:|---:|",
    `| the loader's work, ms | ${at(0.5)} | ${at(0.95)} |`,
    `| frames that are loaded | ${frames / times.length} | |`,
  ];
}

try {
  const parts = [await sizes(), await overhead(), await page()];
  report("packages", parts.flatMap((rows) => ["", ...rows]));
} finally {
  for (const one of installed.values()) one.remove();
}
