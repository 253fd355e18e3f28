//! The search of the documentation. Its index is loaded with the first letter.

import type MiniSearch from "minisearch";

/** A part of a page, as the index has it. */
interface Entry {
  path: string;
  page: string;
  title: string;
  text: string;
}

const MOST = 12;
/** Characters of a part that a result shows. */
const EXCERPT = 90;

let index: Promise<MiniSearch<Entry>> | undefined;

async function loadIndex(): Promise<MiniSearch<Entry>> {
  const [{ default: Search }, response] = await Promise.all([import("minisearch"), fetch(document.body.dataset["index"] ?? "")]);
  if (!response.ok) throw new Error(`the index answers ${response.status}`);
  const entries = (await response.json()) as Entry[];
  const made = new Search<Entry>({ idField: "path", fields: ["title", "page", "text"], storeFields: ["path", "page", "title", "text"], searchOptions: { boost: { title: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: "AND" } });
  made.addAll(entries);
  return made;
}

/** The text from a few words before the first one that was looked for. */
function excerpt(text: string, words: string[]): string {
  const lower = text.toLowerCase();
  const found = Math.min(...words.map((word) => lower.indexOf(word)).filter((at) => at >= 0));
  const from = Number.isFinite(found) && found > 30 ? text.indexOf(" ", found - 30) + 1 : 0;
  return `${from > 0 ? "…" : ""}${text.slice(from, from + EXCERPT)}${from + EXCERPT < text.length ? "…" : ""}`;
}

function resultLink({ path, page, title, text }: Entry, words: string[]): HTMLLIElement {
  const link = document.createElement("a");
  link.href = path;
  const heading = document.createElement("b");
  heading.textContent = title === "" ? page : title;
  const where = document.createElement("small");
  where.textContent = title === "" ? excerpt(text, words) : `${page}: ${excerpt(text, words)}`;
  link.append(heading, where);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

/** Makes the field of the page search. */
export function startSearch(): void {
  const field = document.querySelector<HTMLInputElement>(".docs-nav input");
  const list = document.querySelector<HTMLUListElement>(".docs-nav .results");
  const pages = document.querySelector<HTMLElement>(".docs-nav .pages");
  const status = document.querySelector<HTMLElement>(".docs-nav [role=status]");
  if (field === null || list === null || pages === null || status === null) return;

  const show = async () => {
    const query = field.value.trim();
    list.hidden = query === "";
    pages.hidden = query !== "";
    if (query === "") return void (status.textContent = "");
    try {
      index ??= loadIndex();
      const found = (await index).search(query).slice(0, MOST) as unknown as (Entry & { queryTerms: string[] })[];
      if (field.value.trim() !== query) return;
      list.replaceChildren(...found.map((entry) => resultLink(entry, entry.queryTerms)));
      status.textContent = found.length === 1 ? "1 result" : `${found.length} results`;
      if (found.length === 0) list.append(Object.assign(document.createElement("li"), { className: "dim", textContent: `Nothing about “${query}”.` }));
    } catch {
      index = undefined;
      list.replaceChildren(Object.assign(document.createElement("li"), { className: "dim", textContent: "The search could not be loaded. Type again to try again." }));
    }
  };

  field.addEventListener("input", () => void show());
  const move = (event: KeyboardEvent) => {
    const links = Array.from(list.querySelectorAll("a"));
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    if (event.key === "Escape") {
      field.value = "";
      field.focus();
      void show();
    } else if (event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (at < 1 ? field : links[at - 1])?.focus();
    else if (event.key === "Enter" && at < 0) links[0]?.click();
    else return;
    event.preventDefault();
  };
  field.addEventListener("keydown", move);
  list.addEventListener("keydown", move);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.closest("input, textarea, [contenteditable]") !== null;
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
  });
}
