//! One page of the documentation in its template.

import type { Group, Page } from "./contents.ts";
import { pathOf } from "./contents.ts";
import { type Document, escape } from "./markdown.ts";

/** A page with its text. */
export interface Written {
  page: Page;
  group: string;
  label: string;
  document: Document;
  /** The Markdown, as programs get it. */
  markdown: string;
}

const navigation = (groups: Group[], labels: Map<Page, string>, current: Page) =>
  groups
    .map(({ name, pages }) => {
      const links = pages.map((page) => `<a class="nav-item" href="${pathOf(page)}"${page === current ? ' aria-current="page"' : ""}><span>${escape(labels.get(page) ?? "")}</span></a>`);
      return `<section><h2>${escape(name)}</h2>${links.join("")}</section>`;
    })
    .join("");

function contentsOf({ page, document }: Written): string {
  const headings = Array.from(document.html.matchAll(/<h2 id="([^"]*)">/g), ([, id]) => id);
  const links = document.sections.filter(({ id }) => headings.includes(id)).map(({ id, title }) => `<a href="#${escape(id)}">${escape(title)}</a>`);
  return `${links.length === 0 ? "" : `<h2>On this page</h2>${links.join("")}<hr />`}<a href="${pathOf(page)}.md">As Markdown</a><a href="/openapi.json">OpenAPI</a>`;
}

function neighbours(all: Written[], at: number): string {
  const link = (written: Written | undefined, word: string) => (written === undefined ? "<span></span>" : `<a class="card" href="${pathOf(written.page)}"><small>${word}</small>${escape(written.label)}</a>`);
  return link(all[at - 1], "Before") + link(all[at + 1], "Next");
}

/** Fills the template, which has a name between double braces in each place. */
export function pageHtml(template: string, groups: Group[], all: Written[], at: number): string {
  const written = all[at];
  if (written === undefined) throw new RangeError("no such page");
  const labels = new Map(all.map(({ page, label }) => [page, label]));
  const lead = /<p class="lead">([^]*?)<\/p>/.exec(written.document.html)?.[1]?.replace(/<[^>]*>/g, "").replace(/\s+/g, " ") ?? "";
  const parts: Record<string, string> = {
    title: escape(written.label),
    description: lead,
    group: escape(written.group),
    navigation: navigation(groups, labels, written.page),
    contents: contentsOf(written),
    text: written.document.html,
    neighbours: neighbours(all, at),
  };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name] ?? "");
}
