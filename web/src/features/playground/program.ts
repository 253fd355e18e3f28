//! A program of the playground with everything that goes with it, and what a browser keeps of it.

import type { Schemas } from "../../api/client.ts";
import { FIRST } from "./first-programs.ts";
import { keep, kept } from "../../storage.ts";

/** Where a program reads from: the text that stands there, what is typed while it runs, or a terminal. */
export const INPUTS = ["text", "typed", "terminal"] as const;
export type Input = (typeof INPUTS)[number];

/** What goes with a program. */
export interface RunOptions {
  input: Input;
  stdin: string;
  /** One line each. */
  args: string;
  /** NAME=value, one line each. */
  env: string;
  /** Names, between spaces or on lines of their own. */
  packages: string;
  timeoutMs: number;
  memoryMB: number;
  allowNetwork: boolean;
}

/** A program of one file. */
export interface Program extends RunOptions {
  lang: string;
  code: string;
}

/** What a request says of the program itself: its code, or its files. */
export type Source = Pick<Schemas["RunRequest"], "code" | "files" | "entrypoint"> & { lang: string };

/** What the API takes where a request names nothing. */
export const DEFAULTS: RunOptions = { input: "text", stdin: "", args: "", env: "", packages: "", timeoutMs: 3_000, memoryMB: 256, allowNetwork: false };

/** The program that a language begins with. */
export const firstProgram = (lang: string): Program => ({ ...DEFAULTS, lang, code: FIRST[lang] ?? FIRST[modeOf(lang)] ?? "", ...(lang === "python" ? { stdin: "Ada\n" } : {}) });

/** Whether a program is one that a language begins with. */
export const isFirst = ({ lang, code }: Program) => code.trim() === "" || code === firstProgram(lang).code;

/** The mode of the editor for a language. */
export const modeOf = (lang: string) => (["javascript", "node", "nodejs", "typescript"].includes(lang) ? "javascript" : lang);

/** The program of unknown JSON; undefined where it is none. */
export function readProgram(value: unknown): Program | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const given = value as Record<string, unknown>;
  if (typeof given["code"] !== "string" || typeof given["lang"] !== "string") return undefined;
  return { ...readOptions(given), code: given["code"], lang: given["lang"] };
}

/** The options in unknown fields. */
export function readOptions(given: Record<string, unknown>): RunOptions {
  const options: Record<string, unknown> = { ...DEFAULTS };
  // A field of another type than ours is none of ours.
  for (const [name, usual] of Object.entries(DEFAULTS)) if (typeof given[name] === typeof usual) options[name] = given[name];
  if (!INPUTS.some((one) => one === options["input"])) options["input"] = DEFAULTS.input;
  // Who opens a link decides about the network, and not who made the link.
  return { ...(options as unknown as RunOptions), allowNetwork: false };
}

/** Whether any option but the standard input is another than usual. */
export const hasChanged = (options: RunOptions) => (Object.keys(DEFAULTS) as (keyof RunOptions)[]).some((name) => name !== "stdin" && name !== "input" && options[name] !== DEFAULTS[name]);

/** The program that this browser has kept. */
export function keptProgram(): Program | undefined {
  try {
    return readProgram(JSON.parse(kept("playground") ?? "null"));
  } catch {
    return undefined;
  }
}

/** Keeps a program; answers whether there was room. Values of the environment may be secrets, and stay out. */
export const keepProgram = (program: Program) => keep("playground", JSON.stringify({ ...program, env: "" }));

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

/** The packages that a text names. */
export const packagesIn = (text: string) => text.split(/[\s,]+/).filter((name) => name !== "");

/** What a program hands back: images and documents beside it, and all of a directory. */
const FILES = ["*.png", "*.jpg", "*.jpeg", "*.gif", "*.webp", "*.svg", "*.pdf", "*.csv", "*.html", "out/**"];

/** A program as a request, or the sentence that says what is wrong. */
export function requestOf(source: Source, options: RunOptions) {
  const env: Record<string, string> = {};
  for (const line of lines(options.env)) {
    const at = line.indexOf("=");
    if (at < 1) return { wrong: `“${line}” is no variable: write NAME=value, one on each line.` };
    env[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  const packages = packagesIn(options.packages);
  const args = lines(options.args);
  const { stdin, timeoutMs, memoryMB, allowNetwork } = options;
  return {
    request: {
      ...source,
      ...(stdin === "" ? {} : { stdin }),
      ...(args.length === 0 ? {} : { args }),
      ...(Object.keys(env).length === 0 ? {} : { env }),
      ...(packages.length === 0 ? {} : { packages }),
      artifacts: FILES,
      policy: { timeoutMs, memoryMB, allowNetwork },
    },
  };
}
