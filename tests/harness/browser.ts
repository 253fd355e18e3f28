//! A real browser, and pages of other sites in it.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import chromium from "@sparticuz/chromium";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

/** What a page's `fetch` gave it. */
export interface Fetched {
  /** Null where the browser did not let the page read the answer. */
  status: number | null;
  text: string;
  headers: Record<string, string>;
}

/** One tab. */
export interface Tab {
  page: Page;
  /** Calls from the page, as its script would. */
  fetch(url: string, init?: RequestInit): Promise<Fetched>;
}

async function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? (await chromium.executablePath());
  // Its own sandbox needs user namespaces, which not every machine grants; it opens nothing but our own pages.
  return puppeteer.launch({ executablePath, headless: "shell", args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
}

/** A browser without a window, and a server whose pages are there under every name that ends in `.localhost`; most are empty. */
export class TestBrowser {
  readonly browser: Browser;
  readonly #pages: Server;
  /** The HTML of pages by their paths, and the headers of all of them. */
  readonly contents = new Map<string, string>();
  headers: Record<string, string> = {};

  private constructor(browser: Browser, pages: Server) {
    this.browser = browser;
    this.#pages = pages;
  }

  /** Starts the server and the browser: Chromium, unless another one is given. */
  static async start(launch = launchChromium): Promise<TestBrowser> {
    const pages = createServer((request, response) => {
      const html = made.contents.get(request.url ?? "") ?? "<!doctype html><title>A page</title>";
      for (const [name, value] of Object.entries(made.headers)) response.setHeader(name, value);
      response.setHeader("content-type", "text/html; charset=utf-8").end(html);
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    const browser = await launch();
    const made = new TestBrowser(browser, pages);
    return made;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.#pages.closeAllConnections();
    this.#pages.close();
  }

  /** The address of a page of the site `host`. */
  address(host: string, path = "/"): string {
    return `http://${host}:${(this.#pages.address() as AddressInfo).port}${path}`;
  }

  /** Opens a page in a tab of its own. */
  async open(url: string): Promise<Tab> {
    const page = await this.browser.newPage();
    await page.goto(url);
    const fetchInPage = (target: string, init: RequestInit = {}): Promise<Fetched> =>
      page.evaluate(
        async (to, how) => {
          try {
            const response = await fetch(to, how);
            return { status: response.status, text: await response.text(), headers: Object.fromEntries(response.headers) };
          } catch (error) {
            return { status: null, text: String(error), headers: {} };
          }
        },
        target,
        init,
      );
    return { page, fetch: fetchInPage };
  }
}
