//! Links between Markdown files of the repository become links between pages of the site.

import { posix } from "node:path";
import { GROUPS, pathOf } from "./contents.ts";

const paths = new Map(GROUPS.flatMap(({ pages }) => pages).flatMap((page) => (page.file === undefined ? [] : [[page.file, pathOf(page)] as const])));

/**
 * Where a link of a file leads on the site; undefined if it leads to a file that is no page, such as a source file.
 * @param file the file with the link, from the root of the repository
 */
export function siteLink(href: string, file: string): string | undefined {
  if (/^(https?:|mailto:|#)/.test(href)) return href;
  const [target = "", fragment] = href.split("#");
  const path = paths.get(posix.normalize(posix.join(posix.dirname(file), target)));
  return path === undefined ? undefined : path + (fragment === undefined ? "" : `#${fragment}`);
}

/** The name of a heading in links, as code hosts make it. */
export const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, "")
    .replaceAll(" ", "-");
