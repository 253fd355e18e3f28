//! A program of many files, and what a browser keeps of it.

import { DEFAULTS, readOptions, type RunOptions, type Source } from "../playground/program.ts";
import { keep, kept } from "../../storage.ts";

export interface WorkspaceFile {
  path: string;
  /** The text of the file, or its bytes as base64. */
  content: string;
  isBinary: boolean;
}

export interface Workspace extends RunOptions {
  lang: string;
  /** Sorted by path. */
  files: WorkspaceFile[];
  /** The path of the file to start. */
  entrypoint: string;
}

/** What the API takes. */
const MAX_FILES = 1_000;
const MAX_PATH = 1_024;

const FIRST: WorkspaceFile[] = [
  { path: "main.py", content: 'from report.stats import by_group\nfrom report.table import draw\n\ndraw(by_group(open("scores.csv")), title="Scores by group")\n', isBinary: false },
  { path: "report/__init__.py", content: "", isBinary: false },
  { path: "report/stats.py", content: 'import csv\nfrom statistics import mean\n\n\ndef by_group(lines):\n    """The scores of each group: how many, their mean, and the highest."""\n    groups = {}\n    for row in csv.DictReader(lines):\n        groups.setdefault(row["group"], []).append(float(row["score"]))\n    return [(name, len(scores), mean(scores), max(scores)) for name, scores in sorted(groups.items())]\n', isBinary: false },
  { path: "report/table.py", content: 'def draw(rows, title):\n    print(f"\\x1b[1m{title}\\x1b[0m")\n    for name, count, average, highest in rows:\n        print(f"{name:<8}{count:>4}{average:>8.2f}{highest:>6.0f}")\n', isBinary: false },
  { path: "scores.csv", content: "group,score\nblue,6\nblue,7\ngreen,10\ngreen,8\nred,3\nred,8\n", isBinary: false },
];

/** The program that people find. */
export const firstWorkspace = (): Workspace => ({ ...DEFAULTS, lang: "python", files: FIRST.map((file) => ({ ...file })), entrypoint: "main.py" });

/** Whether two programs have the same files. */
export const isSame = (one: Workspace, other: Workspace) => JSON.stringify([one.lang, one.entrypoint, one.files]) === JSON.stringify([other.lang, other.entrypoint, other.files]);

/** What is wrong with a path; undefined where it is one of a file below the working directory. */
export function wrongPath(path: string, others: string[]): string | undefined {
  const parts = path.split("/");
  if (path === "") return "A name is missing.";
  if (path.length > MAX_PATH || parts.some((part) => part === "" || part === "." || part === ".." || part.length > 255)) return "A path has names with / between them, and none is . or ..";
  if (/[\u0000-\u001f\\]/.test(path)) return "A path has no control characters and no \\.";
  if (others.includes(path)) return `${path} is there already.`;
  if (others.some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`))) return "A file and a folder cannot have one name.";
  return undefined;
}

/** The same files with one more, or with another content of one. */
export function withFile(files: WorkspaceFile[], file: WorkspaceFile): WorkspaceFile[] {
  return [...files.filter(({ path }) => path !== file.path), file].toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

/** The program of unknown JSON; undefined where it is none. */
export function readWorkspace(value: unknown): Workspace | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { lang, files, entrypoint, ...given } = value as Record<string, unknown>;
  if (typeof lang !== "string" || !Array.isArray(files) || files.length === 0 || files.length > MAX_FILES) return undefined;
  let read: WorkspaceFile[] = [];
  for (const file of files as Partial<WorkspaceFile>[]) {
    if (typeof file?.path !== "string" || typeof file.content !== "string" || wrongPath(file.path, read.map(({ path }) => path)) !== undefined) return undefined;
    read = withFile(read, { path: file.path, content: file.content, isBinary: file.isBinary === true });
  }
  const named = read.find(({ path }) => path === entrypoint) ?? read[0];
  return named === undefined ? undefined : { ...readOptions(given), lang, files: read, entrypoint: named.path };
}

/** The program for a run. */
export const sourceOf = ({ lang, files, entrypoint }: Workspace): Source => ({
  lang,
  entrypoint,
  files: files.map(({ path, content, isBinary }) => ({ path, content, ...(isBinary ? { encoding: "base64" as const } : {}) })),
});

function parsed(name: string): unknown {
  try {
    return JSON.parse(kept(name) ?? "null");
  } catch {
    return undefined;
  }
}

/** The program that this browser has kept. */
export const keptWorkspace = () => readWorkspace(parsed("workspace"));

/** Keeps a program; answers whether there was room. Values of the environment may be secrets, and stay out. */
export const keepWorkspace = (workspace: Workspace) => keep("workspace", JSON.stringify({ ...workspace, env: "" }));

/** A program that was saved under a name. */
export interface SavedSession {
  name: string;
  at: string;
  workspace: Workspace;
}

/** The saved programs, the newest first. */
export function savedSessions(): SavedSession[] {
  const found = parsed("sessions");
  if (!Array.isArray(found)) return [];
  return found.flatMap((one: Partial<SavedSession>) => {
    const workspace = readWorkspace(one?.workspace);
    return workspace !== undefined && typeof one.name === "string" && typeof one.at === "string" ? [{ name: one.name, at: one.at, workspace }] : [];
  });
}

/** Saves a program under a name, in place of an earlier one; answers whether there was room. */
export function saveSession(name: string, workspace: Workspace): boolean {
  const session: SavedSession = { name, at: new Date().toISOString(), workspace: { ...workspace, env: "" } };
  return keep("sessions", JSON.stringify([session, ...savedSessions().filter((one) => one.name !== name)]));
}

/** Forgets a saved program. */
export const forgetSession = (name: string) => keep("sessions", JSON.stringify(savedSessions().filter((one) => one.name !== name)));
