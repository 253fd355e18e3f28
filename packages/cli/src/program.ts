//! A program on this machine, as the files of a run.

import ignore from "ignore";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import type { RunRequest } from "@doclehq/sdk";
import { Failure, USAGE } from "./failure.ts";

type SourceFile = NonNullable<RunRequest["files"]>[number];

/** Which language a file is in. */
const LANGUAGES: Record<string, string> = {
  ".py": "python",
  ".js": "node",
  ".mjs": "node",
  ".cjs": "node",
  ".sh": "bash",
  ".pl": "perl",
  ".lua": "lua",
  ".php": "php",
  ".rb": "ruby",
  ".c": "c",
  ".cpp": "cpp",
  ".cc": "cpp",
  ".cxx": "cpp",
  ".go": "go",
  ".java": "java",
  ".rs": "rust",
};
/** With which file a folder starts. */
const STARTS = ["main.py", "index.js", "index.mjs", "index.cjs", ...Object.keys(LANGUAGES).map((ending) => `main${ending}`), "Main.java"];
/** What is never sent, whatever `.gitignore` says. */
const NEVER = [".git", "node_modules", "__pycache__", ".venv"];

/** What is run: files, and the one that is started. */
export interface Program {
  files: SourceFile[];
  entrypoint: string;
  lang: RunRequest["lang"];
}

/** Settings of a program. */
export interface ProgramOptions {
  lang?: string | undefined;
  entrypoint?: string | undefined;
  /** Further files of a program that is one file. */
  more: string[];
}

/** Reads a file, or a folder with all that git would keep. */
export function readProgram(path: string, options: ProgramOptions): Program {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new Failure(`${path} does not exist.`, USAGE);
  if (stat.isDirectory()) {
    if (options.more.length > 0) throw new Failure("--file adds to a single file; a folder is sent whole.", USAGE);
    return readFolder(path, options);
  }
  const entrypoint = basename(path);
  if (options.entrypoint !== undefined) throw new Failure("--entrypoint names a file of a folder; this is one file.", USAGE);
  const folder = dirname(path);
  const names = new Set([entrypoint, ...options.more.map((file) => nameIn(folder, file))]);
  return { files: [...names].map((name) => readSource(folder, name)), entrypoint, lang: languageOf(entrypoint, options.lang) };
}

function readFolder(folder: string, { lang, entrypoint }: ProgramOptions): Program {
  const names = filesIn(folder);
  const start = entrypoint ?? STARTS.find((name) => names.includes(name));
  if (start === undefined) throw new Failure(`Say which file of ${folder} is started: --entrypoint <file>.`, USAGE);
  if (!names.includes(start)) throw new Failure(`${folder} has no file ${start}, or .gitignore leaves it out.`, USAGE);
  return { files: names.map((name) => readSource(folder, name)), entrypoint: start, lang: languageOf(start, lang) };
}

/** The files of a folder that no `.gitignore` in it leaves out. Links are left out: they may lead anywhere. */
export function filesIn(folder: string): string[] {
  const found: string[] = [];
  const visit = (below: string, rules: { base: string; rule: ReturnType<typeof ignore> }[]) => {
    const entries = readdirSync(join(folder, below), { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const own = entries.some((entry) => entry.name === ".gitignore" && entry.isFile());
    const all = own ? [...rules, { base: below, rule: ignore().add(readFileSync(join(folder, below, ".gitignore"), "utf8")) }] : rules;
    for (const entry of entries) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      const isFolder = entry.isDirectory();
      if (NEVER.includes(entry.name) || (!isFolder && !entry.isFile())) continue;
      const isIgnored = all.some(({ base, rule }) => rule.ignores(path.slice(base === "" ? 0 : base.length + 1) + (isFolder ? "/" : "")));
      if (isIgnored) continue;
      if (isFolder) visit(path, all);
      else if (entry.name !== ".gitignore") found.push(path);
    }
  };
  visit("", []);
  return found;
}

/** The name of a file below a folder. */
function nameIn(folder: string, file: string): string {
  const name = relative(resolve(folder), resolve(file));
  if (name.startsWith("..")) throw new Failure(`${file} is not below ${folder}, the folder of the program.`, USAGE);
  return name.split(sep).join("/");
}

function readSource(folder: string, path: string): SourceFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(folder, path));
  } catch (error) {
    throw new Failure(`${join(folder, path)} cannot be read: ${(error as Error).message}`, USAGE);
  }
  try {
    return { path, content: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { path, content: bytes.toString("base64"), encoding: "base64" };
  }
}

/** Files below a folder. */
export const readMore = (folder: string, files: string[]): SourceFile[] => files.map((file) => readSource(folder, nameIn(folder, file)));

/** The language of a file by its ending. */
export function languageOf(file: string, lang: string | undefined): RunRequest["lang"] {
  const found = lang ?? LANGUAGES[extname(file).toLowerCase()];
  if (found === undefined) throw new Failure(`The ending of ${file} does not say its language. Say it: --lang python.`, USAGE);
  // The service says which languages it has.
  return found as RunRequest["lang"];
}
