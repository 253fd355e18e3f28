//! A program of the playground with everything that goes with it, and what a browser keeps of it.

import { keep, kept } from "../../storage.ts";

export interface Program {
  lang: string;
  code: string;
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

/** What the API takes where a request names nothing. */
export const DEFAULTS = { stdin: "", args: "", env: "", packages: "", timeoutMs: 3_000, memoryMB: 256, allowNetwork: false };

/** A first program for a language; empty where there is none. */
const FIRST: Record<string, string> = {
  python: 'name = input("Who is there? ") or "world"\nprint()\nfor number in range(1, 4):\n    print(f"{number}: Hello, {name}")\n',
  javascript: 'for (const number of [1, 2, 3]) {\n  console.log(`${number}: Hello, world`);\n}\n',
};

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
  const program: Record<string, unknown> = { ...DEFAULTS, code: given["code"], lang: given["lang"] };
  // A field of another type than ours is none of ours.
  for (const [name, usual] of Object.entries(DEFAULTS)) if (typeof given[name] === typeof usual) program[name] = given[name];
  // Who opens a link decides about the network, and not who made the link.
  return { ...(program as unknown as Program), allowNetwork: false };
}

/** The program that this browser has kept. */
export function keptProgram(): Program | undefined {
  try {
    return readProgram(JSON.parse(kept("playground") ?? "null"));
  } catch {
    return undefined;
  }
}

/** Keeps a program; answers whether there was room. */
export const keepProgram = (program: Program) => keep("playground", JSON.stringify(program));

const lines = (text: string) => text.split("\n").filter((line) => line !== "");

/** The program as a request, or the sentence that says what is wrong. */
export function requestOf(program: Program) {
  const env: Record<string, string> = {};
  for (const line of lines(program.env)) {
    const at = line.indexOf("=");
    if (at < 1) return { wrong: `“${line}” is no variable: write NAME=value, one on each line.` };
    env[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  const packages = program.packages.split(/[\s,]+/).filter((name) => name !== "");
  const args = lines(program.args);
  const { lang, code, stdin, timeoutMs, memoryMB, allowNetwork } = program;
  return {
    request: {
      lang,
      code,
      ...(stdin === "" ? {} : { stdin }),
      ...(args.length === 0 ? {} : { args }),
      ...(Object.keys(env).length === 0 ? {} : { env }),
      ...(packages.length === 0 ? {} : { packages }),
      policy: { timeoutMs, memoryMB, allowNetwork },
    },
  };
}
