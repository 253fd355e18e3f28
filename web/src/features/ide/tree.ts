//! The files of a sandbox as a tree whose folders are loaded when they are opened.

import type { SandboxFile } from "@doclehq/sdk/sandboxes";

/** The folder that the tree shows. */
export const ROOT = "/workspace";

/** A file or a folder. */
export interface Entry {
  /** Below the root. */
  path: string;
  name: string;
  isFolder: boolean;
  size: number;
}

export interface Row extends Entry {
  depth: number;
}

/** The path of a file in the sandbox. */
export const absolute = (path: string) => (path === "" ? ROOT : `${ROOT}/${path}`);

/** The folder of a path; empty for the root. */
export const folderOf = (path: string) => path.split("/").slice(0, -1).join("/");

/** The last part of a path. */
export const nameOf = (path: string) => path.split("/").at(-1) ?? path;

/** Whether a path is another one, or below it. */
export const isWithin = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** The entries of a folder as the service lists them: folders first. A name that is no text cannot be called, and is left out. */
export function entriesOf(folder: string, files: SandboxFile[]): Entry[] {
  const entries = files.filter(({ path64 }) => path64 === undefined).map(({ name, type, size }): Entry => ({ path: folder === "" ? name : `${folder}/${name}`, name, isFolder: type === "directory", size }));
  return entries.toSorted((one, other) => Number(other.isFolder) - Number(one.isFolder) || (one.name < other.name ? -1 : 1));
}

/** The rows in the order in which they are shown; nothing below a folder that is closed or not loaded. */
export function rowsOf(folders: ReadonlyMap<string, Entry[]>, opened: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  add("", 0);
  return rows;

  function add(folder: string, depth: number): void {
    for (const entry of folders.get(folder) ?? []) {
      rows.push({ ...entry, depth });
      if (entry.isFolder && opened.has(entry.path)) add(entry.path, depth + 1);
    }
  }
}

/** What is wrong with the name of a file or folder; undefined where it is one. */
export function wrongName(name: string): string | undefined {
  const parts = name.split("/");
  if (name === "") return "A name is missing.";
  if (name.length > 1_024 || parts.some((part) => part === "" || part === "." || part === ".." || part.length > 255)) return "A path has names with / between them, and none is . or ..";
  return /[\u0000-\u001f\u007f]/.test(name) ? "A name has no control characters." : undefined;
}
