//! The static assets of the Worker on one machine: the files below build/web, read for each request, so that what was just
//! built is there.

import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { Response } from "miniflare";
import { site } from "../setup/paths.mjs";

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2",
};

/** Answers with the file at the path of a request. @param {{ url: string }} request */
export async function serveSite({ url }) {
  // `URL` has resolved `..` already; an encoded one is no part of a name that the build makes.
  const path = normalize(new URL(url).pathname);
  const type = TYPES[extname(path)];
  const content = type === undefined ? undefined : await readFile(join(site, path)).catch(() => undefined);
  if (content === undefined || type === undefined) return new Response(null, { status: 404 });
  return new Response(content, { headers: { "content-type": type } });
}
