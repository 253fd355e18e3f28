//! What the command palette offers, and how it looks for words in it.

import type { Project } from "../../api/projects.ts";

/** The name of an icon; the palette has the icons themselves. */
export type EntryIcon = "do" | "page" | "key" | "usage" | "settings" | "docs";

export interface Entry {
  group: "Do" | "Go to" | "Docs";
  icon: EntryIcon;
  title: string;
  /** More about it, after the title and paler. */
  detail?: string;
  keys?: string[];
  /** Where it leads, or what it does. */
  path?: string;
  run?: () => void;
}

/** A part of a title, and whether it is one of the words that were looked for. */
export interface Piece {
  text: string;
  isFound: boolean;
}

/** The most entries that are shown. */
const MOST = 14;

export const PLACES: Entry[] = [
  { group: "Go to", icon: "page", title: "Projects", path: "/", keys: ["G", "P"] },
  { group: "Go to", icon: "page", title: "Runs", path: "/dashboard", keys: ["G", "R"] },
  { group: "Go to", icon: "page", title: "Playground", path: "/playground", keys: ["G", "Y"] },
  { group: "Go to", icon: "page", title: "Sandboxes", path: "/sandboxes", keys: ["G", "S"] },
  { group: "Go to", icon: "page", title: "Snippets", path: "/snippets", keys: ["G", "N"] },
  { group: "Go to", icon: "docs", title: "Docs", path: "/docs", keys: ["G", "D"] },
  { group: "Go to", icon: "settings", title: "Account", path: "/account" },
];

/** The pages of a project. */
export const projectEntries = ({ id, name }: Project): Entry[] => [
  { group: "Go to", icon: "key", title: "API keys", detail: name, path: `/projects/${id}` },
  { group: "Go to", icon: "usage", title: "Usage", detail: name, path: `/projects/${id}?tab=usage` },
  { group: "Go to", icon: "settings", title: "Settings", detail: name, path: `/projects/${id}?tab=settings` },
];

/** The pages of the documentation, from the list that programs read. */
export const docsEntries = (list: string): Entry[] =>
  Array.from(list.matchAll(/^\* \[(.+)\]\((\/docs[^)]*)\.md\)$/gm), ([, title = "", path = ""]) => ({ group: "Docs", icon: "docs", title, path }));

const wordsOf = (query: string) => query.toLowerCase().split(/\s+/).filter((word) => word !== "");

/** The entries with all words of the query, those whose title begins with it first. */
export function search(entries: Entry[], query: string): Entry[] {
  const words = wordsOf(query);
  const start = words[0] ?? "";
  const found = entries.filter(({ title, detail = "" }) => words.every((word) => `${title} ${detail}`.toLowerCase().includes(word)));
  const rank = ({ title }: Entry) => (start !== "" && title.toLowerCase().startsWith(start) ? 0 : 1);
  // Sorting is stable, so equals stay in their order.
  return found.toSorted((one, other) => rank(one) - rank(other)).slice(0, MOST);
}

/** The title in pieces, so that the words that were found can be marked. */
export function pieces(title: string, query: string): Piece[] {
  const words = wordsOf(query).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (words.length === 0) return [{ text: title, isFound: false }];
  return title.split(new RegExp(`(${words.join("|")})`, "i")).map((text, index) => ({ text, isFound: index % 2 === 1 })).filter(({ text }) => text !== "");
}
