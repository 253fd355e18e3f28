//! Writes the documentation into the folder of the built site: each page as HTML and as Markdown, the index of the search, and
//! llms.txt. The template is docs.html as Vite has built it.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Group, GROUPS, type Page, pathOf } from "./contents.ts";
import { render, withSiteLinks } from "./markdown.ts";
import { pageHtml, type Written } from "./page.ts";
import { type OpenApi, referencePages } from "./reference.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const [site = ""] = process.argv.slice(2);

/** All groups, those of the operations among them, and the Markdown of every page. */
function sources(): { groups: Group[]; texts: Map<Page, string> } {
  const openapi = JSON.parse(readFileSync(join(root, "crates/api/openapi.json"), "utf8")) as OpenApi;
  const operations = referencePages(openapi).map(({ tag, markdown }) => ({ page: { slug: `api-${tag.toLowerCase()}`, label: tag } satisfies Page, markdown }));
  const groups = [...GROUPS];
  groups.splice(groups.findIndex(({ name }) => name === "Reference") + 1, 0, { name: "All operations", pages: operations.map(({ page }) => page) });
  const texts = new Map<Page, string>(operations.map(({ page, markdown }) => [page, markdown]));
  for (const { pages } of GROUPS) for (const page of pages) texts.set(page, readFileSync(join(root, page.file ?? ""), "utf8"));
  return { groups, texts };
}

const { groups, texts } = sources();
const all: Written[] = groups.flatMap(({ name, pages }) =>
  pages.map((page) => {
    const source = texts.get(page) ?? "";
    const file = page.file ?? "docs/api.md";
    const document = render(source, file);
    return { page, group: name, label: page.label ?? document.title, document, markdown: withSiteLinks(source, file) };
  }),
);

const paths = all.map(({ page }) => pathOf(page));
const twice = paths.find((path, at) => paths.indexOf(path) !== at);
if (twice !== undefined) throw new Error(`two pages have the path ${twice}`);

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(site, path)), { recursive: true });
  writeFileSync(join(site, path), text);
};

const index = JSON.stringify(all.flatMap(({ page, label, document }) => document.sections.map(({ id, title, text }) => ({ path: pathOf(page) + (id === "" ? "" : `#${id}`), page: label, title, text: text.replace(/\s+/g, " ").trim() }))));
const indexPath = `/assets/docs-${createHash("sha256").update(index).digest("base64url").slice(0, 8)}.json`;
write(indexPath, index);

const template = readFileSync(join(site, "docs.html"), "utf8").replace("{{index}}", indexPath);
rmSync(join(site, "docs.html"));
for (const [at, { page, markdown }] of all.entries()) {
  write(`${pathOf(page)}.html`, pageHtml(template, groups, all, at));
  write(`${pathOf(page)}.md`, markdown);
}
const links = groups.map(({ name, pages }) => `## ${name}\n\n${pages.map((page) => `* [${all.find((written) => written.page === page)?.label}](${pathOf(page)}.md)`).join("\n")}\n`);
write("/llms.txt", `# Docle\n\n> One API call runs a program in a sandbox and answers with its exit code, its output and what it used.\n\nEach page is Markdown at its address with \`.md\`. /openapi.json describes every operation, /docs/errors.md every error code.\n\n${links.join("\n")}`);
