//! Markdown as HTML, and what the navigation and the search need of it.

import hljs from "highlight.js";
import MarkdownIt from "markdown-it";
import { TOKENS } from "../src/tokens.ts";
import { anchorOf, siteLink } from "./links.ts";
import { playgroundLink } from "./playground-link.ts";

export interface Section {
  /** The anchor; empty for the text before the first heading of its kind. */
  id: string;
  title: string;
  /** Its text without marks, for the search. */
  text: string;
}

export interface Document {
  title: string;
  html: string;
  sections: Section[];
}

/** What the highlighter calls the languages of our examples. */
const LANGUAGES: Record<string, string> = { sh: "bash", jsonc: "json", tsx: "typescript", vue: "xml", html: "xml", js: "javascript", toml: "ini" };
/** What the head of an example says. */
const NAMES: Record<string, string> = { bash: "Shell", sh: "Shell", json: "JSON", jsonc: "JSON", typescript: "TypeScript", tsx: "TypeScript", js: "JavaScript", python: "Python", html: "HTML", vue: "Vue", toml: "TOML" };

const markdown = new MarkdownIt({ html: false, linkify: false });
/** A text as HTML that shows it. */
export const { escapeHtml: escape } = markdown.utils;

function highlighted(code: string, language: string): string {
  const known = LANGUAGES[language] ?? language;
  if (hljs.getLanguage(known) === undefined) return escape(code);
  const html = hljs.highlight(code, { language: known }).value;
  return html.replace(/ class="hljs-([a-z_]+)[^"]*"/g, (_, kind: string) => (TOKENS[kind] === undefined ? "" : ` class="tok-${TOKENS[kind]}"`));
}

function example(code: string, language: string): string {
  const name = NAMES[language] ?? "";
  const link = playgroundLink(code);
  const open = link === undefined ? "" : `<button class="btn ghost sm" type="button" data-run hidden>Run</button><a class="btn ghost sm" href="${escape(link)}">Open in playground</a>`;
  const head = `<div class="code-head"><span>${name}</span><span class="grow"></span>${open}<button class="btn ghost sm" type="button" data-copy>Copy</button></div>`;
  return `<div class="code">${head}<pre tabindex="0"><code>${highlighted(code, language)}</code></pre></div>\n`;
}

markdown.renderer.rules.fence = (tokens, at) => example(tokens[at]?.content.replace(/\n$/, "") ?? "", tokens[at]?.info.trim() ?? "");
markdown.renderer.rules.code_block = (tokens, at) => example(tokens[at]?.content ?? "", "");
markdown.renderer.rules.table_open = () => '<div class="card prose-t" tabindex="0"><table class="table">\n';
markdown.renderer.rules.table_close = () => "</table></div>\n";
// A column without a name has no header: an empty one is read out as one.
const hasText = (tokens: { content: string }[], at: number) => tokens[at]?.content !== "";
markdown.renderer.rules.th_open = (tokens, at) => (hasText(tokens, at + 1) ? '<th scope="col">' : "<td>");
markdown.renderer.rules.th_close = (tokens, at) => (hasText(tokens, at - 1) ? "</th>" : "</td>");

/** The text of a Markdown line without its marks. */
const plain = (line: string) => markdown.parseInline(line, {})[0]?.children?.map(({ content }) => content).join("") ?? "";

/**
 * Renders a file.
 * @param file the file, from the root of the repository; its links are relative to it
 */
export function render(source: string, file: string): Document {
  const tokens = markdown.parse(source, {});
  const sections: Section[] = [{ id: "", title: "", text: "" }];
  const taken = new Map<string, number>();
  let title = "";
  let isLead = false;
  for (const [at, token] of tokens.entries()) {
    const inline = tokens[at + 1];
    if (token.type === "heading_open") {
      const heading = plain(inline?.content ?? "");
      const anchor = anchorOf(heading);
      const count = taken.get(anchor) ?? 0;
      taken.set(anchor, count + 1);
      const id = count === 0 ? anchor : `${anchor}-${count}`;
      token.attrSet("id", id);
      if (token.tag === "h1") {
        title = heading;
        isLead = true;
      } else sections.push({ id, title: heading, text: "" });
    } else if (token.type === "paragraph_open" && isLead) {
      token.attrSet("class", "lead");
      isLead = false;
    } else if (token.type === "inline" && tokens[at - 1]?.type !== "heading_open") {
      const last = sections.at(-1);
      if (last !== undefined) last.text += `${plain(token.content)} `;
    }
    for (const child of token.children ?? []) {
      if (child.type !== "link_open") continue;
      const link = siteLink(String(child.attrGet("href")), file);
      child.attrs = link === undefined ? [] : [["href", link], ["class", "inline-link"]];
    }
  }
  return { title, html: markdown.renderer.render(tokens, markdown.options, {}), sections };
}

/** The Markdown of a page with its links as they are on the site. */
export const withSiteLinks = (source: string, file: string) =>
  source.replace(/\]\(([^()\s]+)\)/g, (whole, href: string) => {
    const link = siteLink(href, file);
    return link === undefined ? whole : `](${link})`;
  });
