//! The page of a sandbox in a browser: its sandboxes, what stands in their files, and what the page shows of them.

import assert from "node:assert/strict";
import type { Page } from "puppeteer-core";
import { json, type User } from "./platform.ts";
import { press, type Site, type SitePage } from "./site.ts";

export const LINE = "[data-testid=result-line]";
export const OUTPUT = "[data-testid=output]";
export const SAVED = "[data-testid=saved]";
const FRONT = 'document.querySelector(".editor.is-front .cm-content")';

/** The path of a sandbox in the API. */
export const api = (id: string, path = "") => `/api/v1/sandboxes/${id}${path}`;

/** The paths of the rows of the tree. */
export const rows = (page: Page) => page.$$eval("[role=treeitem]", (items) => items.map((item) => item.getAttribute("data-path")));
export const row = (path: string) => `[role=treeitem][data-path="${path}"]`;

/** What the editor in front shows. */
export const text = async (page: Page) => (await page.evaluate(`${FRONT}?.innerText ?? ""`)) as string;

/** Types at the beginning of the file in front. */
export async function type(page: Page, typed: string): Promise<void> {
  await page.waitForSelector(".editor.is-front .cm-content");
  await page.evaluate(`${FRONT}.focus()`);
  await chord(page, "Home");
  await page.keyboard.type(typed);
}

/** Presses a key with Ctrl. */
export async function chord(page: Page, key: "s" | "Enter" | "Home"): Promise<void> {
  await page.keyboard.down("Control");
  await page.keyboard.press(key);
  await page.keyboard.up("Control");
}

/** Drags one element onto another; the browser without a window needs to be told what the drag carries. */
export async function drag(page: Page, from: string, to: string): Promise<void> {
  const [dragged, target] = [await page.$(from), await page.$(to)];
  assert.ok(dragged !== null && target !== null);
  await page.setDragInterception(true);
  await dragged.dragAndDrop(target);
  await page.setDragInterception(false);
}

/** Chooses from the menu of a row. */
export async function choose(page: Page, path: string, item: string): Promise<void> {
  await press(page, `${path}: more`);
  await press(page, item, "menuitem");
}

/** Fills in the field for a name in the tree. */
export async function name(page: Page, named: string): Promise<void> {
  await page.waitForSelector("input.tree-name");
  await page.$eval("input.tree-name", (field) => field.select());
  await page.keyboard.type(named);
  await page.keyboard.press("Enter");
}

/** The sandboxes of a user, and their pages. */
export class SandboxPages {
  readonly user: User;
  readonly #site: Site;
  readonly #project: string;

  constructor(site: Site, user: User, project: string) {
    [this.#site, this.user, this.#project] = [site, user, project];
  }

  async create(files: Record<string, string> = {}): Promise<string> {
    const { id } = await json(201, await this.user.call("POST", "/api/v1/sandboxes", { project_id: this.#project, name: "Support bot flow" }));
    for (const [path, content] of Object.entries(files)) await json(200, await this.user.call("POST", api(id, "/files"), { operation: "create", file_path: path, content }));
    return id as string;
  }

  /** What a file of the sandbox has; undefined where there is none. */
  async content(id: string, path: string): Promise<string | undefined> {
    const response = await this.user.call("GET", api(id, `/files/content?path=${encodeURIComponent(path)}`), undefined, { accept: "*/*" });
    return response.status === 404 ? undefined : response.text();
  }

  /** Writes a file past the page. */
  async write(id: string, path: string, content: string): Promise<void> {
    await json(200, await this.user.call("POST", api(id, "/files"), { operation: "update", file_path: path, content }));
  }

  async status(id: string): Promise<string> {
    return (await json(200, await this.user.call("GET", api(id)))).status as string;
  }

  async open(id: string, options: object = {}): Promise<SitePage> {
    const opened = await this.#site.open(`/sandbox/${id}`, { user: this.user, ...options });
    await opened.page.waitForSelector("[role=treeitem], .tree-none");
    return opened;
  }
}
