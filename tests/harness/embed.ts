//! Playgrounds in pages of other sites: a service, a browser, and a publishable key for the pages of lessons.localhost.

import assert from "node:assert/strict";
import type { Browser, Frame, Page } from "puppeteer-core";
import { TestBrowser } from "./browser.ts";
import { json, Platform, type User } from "./platform.ts";
import { Runner, type RunnerHealth } from "./runner.ts";
import { until } from "./until.ts";

/** The site that may show playgrounds, and one that may not. */
export const LESSONS = "lessons.localhost";
export const EVIL = "evil.localhost";

/** A page with a playground. */
export interface Lesson {
  page: Page;
  /** What the console of the page and its frames has said. */
  console: string[];
  frame(): Promise<Frame>;
}

/** Everything that a playground needs. */
export class EmbedFixture {
  readonly docle: Platform;
  readonly browser: TestBrowser;
  readonly user: User;
  readonly project: string;
  readonly key: string;
  readonly secret: string;
  readonly #runner: Runner;
  #pages = 0;

  private constructor(docle: Platform, browser: TestBrowser, user: User, project: string, key: string, secret: string, runner: Runner) {
    [this.docle, this.browser, this.user, this.project, this.key, this.secret, this.#runner] = [docle, browser, user, project, key, secret, runner];
  }

  /** Starts all of it, with Chromium unless another browser is given. */
  static async start(launch?: () => Promise<Browser>): Promise<EmbedFixture> {
    const runner = await Runner.start();
    const docle = await Platform.start({ SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret });
    const browser = await TestBrowser.start(launch);
    const user = await docle.signIn("ada@example.com");
    const { id } = await json(201, await user.call("POST", "/api/projects", { name: "Lessons" }));
    const settings = { type: "publishable", allowedDomains: [LESSONS], rateLimitPerMinute: 1_000, limits: { networkRateLimitPerMinute: 1_000 } };
    const { key } = await json(201, await user.call("POST", `/api/projects/${id}/keys`, settings));
    const { key: secret } = await json(201, await user.call("POST", `/api/projects/${id}/keys`, {}));
    return new EmbedFixture(docle, browser, user, id, key, secret, runner);
  }

  async stop(): Promise<void> {
    await this.browser.stop();
    await this.docle.stop();
    await this.#runner.stop();
  }

  health(): Promise<RunnerHealth> {
    return this.#runner.health();
  }

  get url(): string {
    return this.docle.worker.url;
  }

  /** The address of a frame. */
  src(query: Record<string, string>): string {
    return `${this.url}/embed?${new URLSearchParams({ key: this.key, ...query })}`;
  }

  /** Opens a page with this body on a site. */
  async open(body: string, host = LESSONS, width = 800): Promise<Lesson> {
    this.#pages += 1;
    const path = `/${this.#pages}`;
    this.browser.contents.set(path, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Lesson</title>${body}`);
    const page = await this.browser.browser.newPage();
    await page.setViewport({ width, height: 600 });
    const lines: string[] = [];
    page.on("console", (message) => lines.push(message.text()));
    await page.goto(this.browser.address(host, path));
    const frame = async () => {
      let found: Frame | undefined;
      await until("the frame", async () => {
        found = page.frames().find((one) => one.url().startsWith(`${this.url}/embed`));
        return found !== undefined && (await found.$(".editor .cm-content").catch(() => null)) !== null;
      });
      return found ?? assert.fail("no frame");
    };
    return { page, console: lines, frame };
  }

  /** Opens a page with one frame, whose messages it keeps in `window.heard`. */
  openFrame(query: Record<string, string>, host = LESSONS, width = 800): Promise<Lesson> {
    const src = this.src(query).replaceAll("&", "&amp;");
    const script = "<script>window.heard = []; addEventListener('message', (e) => heard.push(e.data));</script>";
    return this.open(`${script}<body style="margin:0"><iframe title="Playground" src="${src}" width="100%" height="400" style="border:0;display:block"></iframe>`, host, width);
  }
}

/** Waits until the line below the output begins with this word. */
export const ended = (frame: Frame, word: string) =>
  until(`"${word}" below the output`, async () => {
    const line = await frame.$eval(".line", (element) => element.textContent ?? "").catch(() => "");
    return line.startsWith(word);
  });

/** What stands in the output. */
export const output = (frame: Frame) => frame.$eval(".out", (element) => element.textContent ?? "");

/** The messages of one type that the page has heard. */
export const heard = (page: Page, type: string) => page.evaluate(`heard.filter((message) => message.type === ${JSON.stringify(type)})`) as Promise<Record<string, any>[]>;
