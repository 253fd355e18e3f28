//! What a page gives its playground beside the program: files, packages, code around it, what is expected of it, and what its output is.

import { CommandError, own } from "./messages.ts";

/** A file beside the program. */
export interface File {
  path: string;
  content: string;
  encoding?: string;
}

/** One run of a check. */
export interface Test {
  name?: string;
  /** Without it the program reads what the field for its input has. */
  stdin?: string;
  args?: string[];
  /** The expected output; without it, exit code 0 is enough. */
  expected?: string;
}

/** How the output is shown. */
export type Output = (typeof OUTPUTS)[number];

/** All of it. */
export interface Setup {
  files: File[];
  packages: string[];
  /** Code in which `{{code}}` stands for the program. */
  template: string | undefined;
  /** The runs of the check; none where nothing is expected. */
  tests: Test[];
  output: Output;
  /** The stored judge that decides instead of tests. */
  judge: string | undefined;
}

export const OUTPUTS = ["text", "table", "svg", "html"] as const;
/** Where the program stands in a template. */
export const PLACE = "{{code}}";
/** The most text that a page gives, in characters of JSON. */
const MAX_SETUP = 4_194_304;
/** Each test is a run, which counts against the limits of the key. */
const MAX_TESTS = 20;

export const NOTHING: Setup = { files: [], packages: [], template: undefined, tests: [], output: "text", judge: undefined };

const fail = (field: string, clause: string): never => {
  throw new CommandError("invalid_request", `${field} ${clause}.`);
};

function text(from: unknown, name: string, field: string): string {
  const value = own(from, name);
  return typeof value === "string" ? value : fail(`${field}.${name}`, "must be a text");
}

function texts(value: unknown, field: string): string[] {
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) fail(field, "must be a list of texts");
  return [...(value as string[])];
}

/** The fields of an object that are given, each a text. */
function given<Name extends string>(from: unknown, names: Name[], field: string): { [name in Name]?: string } {
  const named = names.filter((name) => own(from, name) !== undefined).map((name) => [name, text(from, name, field)]);
  return Object.fromEntries(named) as { [name in Name]?: string };
}

function testOf(value: unknown, index: number): Test {
  const field = `check[${index}]`;
  if (typeof value !== "object" || value === null) fail(field, "must be an object");
  const args = own(value, "args");
  return { ...given(value, ["name", "stdin", "expected"], field), ...(args === undefined ? {} : { args: texts(args, `${field}.args`) }) };
}

/** Reads what a page has sent. @throws CommandError that names the field that is wrong. */
export function readSetup(value: unknown): Setup {
  let size = Infinity;
  try {
    size = JSON.stringify(value).length;
  } catch {
    // What is no JSON is too large, too.
  }
  if (typeof value !== "object" || value === null || !(size <= MAX_SETUP)) fail("setup", `must be an object of at most ${MAX_SETUP} characters`);
  const [files, packages, template, check, output, judge] = ["files", "packages", "template", "check", "output", "judge"].map((name) => own(value, name));
  if (files !== undefined && !Array.isArray(files)) fail("files", "must be a list");
  if (template !== undefined && (typeof template !== "string" || !template.includes(PLACE))) fail("template", `must be a text with ${PLACE} where the program stands`);
  if (check !== undefined && typeof check !== "string" && !(Array.isArray(check) && check.length > 0 && check.length <= MAX_TESTS)) fail("check", `must be the expected output, or 1 to ${MAX_TESTS} tests`);
  if (judge !== undefined && (typeof judge !== "string" || check !== undefined)) fail("judge", "must be the id of a stored judge, without check beside it");
  if (output !== undefined && !OUTPUTS.includes(output as Output)) fail("output", `must be one of ${OUTPUTS.join(", ")}`);
  return {
    files: ((files ?? []) as unknown[]).map((file, index) => ({ path: text(file, "path", `files[${index}]`), content: text(file, "content", `files[${index}]`), ...given(file, ["encoding"], `files[${index}]`) })),
    packages: packages === undefined ? [] : texts(packages, "packages"),
    template: template as string | undefined,
    tests: typeof check === "string" ? [{ expected: check }] : ((check ?? []) as unknown[]).map(testOf),
    judge: judge as string | undefined,
    output: (output ?? "text") as Output,
  };
}
