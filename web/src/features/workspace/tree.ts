//! The rows of the tree of files.

export interface TreeRow {
  /** The path of the file or of the folder. */
  path: string;
  name: string;
  depth: number;
  isFolder: boolean;
}

/** The rows in the order in which they are shown: folders first, and nothing below a folder that is closed. */
export function rowsOf(paths: string[], closed: Set<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  add("", 0);
  return rows;

  function add(folder: string, depth: number): void {
    const below = paths.filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length));
    const folders = new Set(below.filter((path) => path.includes("/")).map((path) => path.slice(0, path.indexOf("/"))));
    for (const name of Array.from(folders).toSorted()) {
      rows.push({ path: folder + name, name, depth, isFolder: true });
      if (!closed.has(folder + name)) add(`${folder}${name}/`, depth + 1);
    }
    for (const name of below.filter((path) => !path.includes("/")).toSorted()) rows.push({ path: folder + name, name, depth, isFolder: false });
  }
}
