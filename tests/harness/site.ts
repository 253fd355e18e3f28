//! The website in a real browser, through the real Worker and runner.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { BrowserContext, HTTPRequest, Page } from "puppeteer-core";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { TestBrowser } from "./browser.ts";
import { json, Platform, type User } from "./platform.ts";
import { Runner } from "./runner.ts";
import { until } from "./until.ts";

const axe = readFileSync(inRoot("node_modules", "axe-core", "axe.min.js"), "utf8");

/** A page of the site, with what its console has said. */
export interface SitePage {
  page: Page;
  console: string[];
}

/** The site, and a browser; each visitor has a profile of their own. */
export class Site {
  readonly docle: Platform;
  readonly browser: TestBrowser;
  readonly #runner: Runner;
  #contexts: BrowserContext[] = [];

  private constructor(docle: Platform, browser: TestBrowser, runner: Runner) {
    [this.docle, this.browser, this.#runner] = [docle, browser, runner];
  }

  static async start(vars: Record<string, string> = {}): Promise<Site> {
    const runner = await Runner.start();
    const docle = await Platform.start({ SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret, ENVIRONMENT: "development", ...vars });
    return new Site(docle, await TestBrowser.start(), runner);
  }

  async stop(): Promise<void> {
    await this.browser.stop();
    await this.docle.stop();
    await this.#runner.stop();
  }

  /** The address of the site, by the name that a cookie without TLS is for. */
  get url(): string {
    return this.docle.worker.url.replace("127.0.0.1", "localhost");
  }

  /** Opens a page as a visitor whom the site has never seen; `user` is signed in. */
  async open(path: string, { user, width = 1280, height = 800, theme = "dark" }: { user?: User; width?: number; height?: number; theme?: string } = {}): Promise<SitePage> {
    const context = await this.browser.browser.createBrowserContext();
    this.#contexts.push(context);
    await context.overridePermissions(this.url, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
    const page = await context.newPage();
    await page.setViewport({ width, height });
    const lines: string[] = [];
    page.on("console", (message) => message.text().includes(NETWORK_CHANGED) || lines.push(message.text()));
    page.on("pageerror", (error) => lines.push(String(error)));
    if (user !== undefined) {
      const [name = "", value = ""] = user.cookie.split("=");
      await context.setCookie({ name, value, domain: "localhost", path: "/", httpOnly: true, sameSite: "Lax" });
    }
    await page.evaluateOnNewDocument((chosen) => localStorage.getItem("docle.theme") ?? localStorage.setItem("docle.theme", chosen), theme);
    await load(page, this.url + path);
    return { page, console: lines };
  }

  /** A new account with a project. */
  async account(email: string, project = "Lesson site"): Promise<{ user: User; project: string }> {
    const user = await this.docle.signIn(email);
    const { id } = await json(201, await user.call("POST", "/api/projects", { name: project }));
    return { user, project: id };
  }

  /** A key to a project. */
  async key(user: User, project: string, settings: object = {}): Promise<string> {
    return (await json(201, await user.call("POST", `/api/projects/${project}/keys`, settings))).key;
  }
}

/** The text of what a selector finds; empty where there is nothing. */
export const textOf = (page: Page, selector: string) => page.$eval(selector, (element) => element.textContent ?? "").catch(() => "");

/** Waits until an element has a text in it. */
export async function shows(page: Page, selector: string, text: string): Promise<void> {
  await until(`"${text}" in ${selector}`, async () => (await textOf(page, selector)).includes(text)).catch(async (error: unknown) => {
    assert.fail(`${String(error)}; it shows: ${(await textOf(page, "body")).slice(0, 2_000)}`);
  });
}

/** Clicks a button, or what has another role, by its name. */
export const press = (page: Page, name: string, role = "button") => page.locator(`::-p-aria([name="${name}"][role="${role}"])`).click();

/** How often a page is loaded whose requests the browser itself has broken off. */
const LOADS = 5;
/** What Chromium says when any interface of the machine came or went, such as that of a container: then it breaks off all requests. */
const NETWORK_CHANGED = "ERR_NETWORK_CHANGED";

/** Loads a page, again where its first files were broken off. A person would reload it. */
async function load(page: Page, url: string): Promise<void> {
  for (let loads = 1; ; loads += 1) {
    let isBroken = false;
    const failed = (request: HTTPRequest) => (isBroken ||= request.failure()?.errorText.includes(NETWORK_CHANGED) === true);
    page.on("requestfailed", failed);
    await page.goto(url).catch((error: unknown) => {
      if (!String(error).includes(NETWORK_CHANGED)) throw error;
      isBroken = true;
    });
    page.off("requestfailed", failed);
    if (!isBroken || loads === LOADS) return;
  }
}

/** What axe finds wrong, once every transition has ended: colours halfway between two states are not the design's. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate("document.getAnimations().forEach((one) => one.effect.getComputedTiming().endTime < Infinity && one.finish())");
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(tags)} })`)) as { violations: { id: string; nodes: { html: string }[] }[] };
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}
