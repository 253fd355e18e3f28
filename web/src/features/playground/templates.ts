//! Programs to begin with. Each runs as it is, with its input and its limits.

import { FIRST } from "./first-programs.ts";
import { DEFAULTS, modeOf, type Program, type RunOptions } from "./program.ts";

export interface Template {
  title: string;
  /** What it shows, in a word or two. */
  note: string;
  code: string;
  options?: Partial<RunOptions>;
}

/** A person answers while it runs. */
const TYPED: Partial<RunOptions> = { input: "typed", timeoutMs: 60_000 };
const POEM = "The river and the stone are old friends.\nThe river runs over the stone, and the stone lets it.\nOf all the things a river can carry,\na stone is the one that waits to be carried.\n";

const MORE: Record<string, Template[]> = {
  python: [
    { title: "Read numbers", note: "stdin", code: "import sys\n\nnumbers = [float(word) for word in sys.stdin.read().split()]\nprint(f\"{len(numbers)} numbers, their sum is {sum(numbers):g}\")\n", options: { stdin: "3 4.5\n12\n" } },
    { title: "Count words", note: "Counter", code: 'import sys\nfrom collections import Counter\n\nwords = Counter(word.strip(".,;:!?").lower() for word in sys.stdin.read().split())\nmost = max(words.values())\nfor word, count in words.most_common(6):\n    print(f"\\033[36m{word:>8}\\033[0m {\'█\' * round(24 * count / most)} {count}")\n', options: { stdin: POEM } },
    { title: "Guessing game", note: "typed", code: 'import random\n\nsecret = random.randint(1, 100)\nguess = 0\nwhile guess != secret:\n    guess = int(input("Your guess, 1 to 100: "))\n    if guess != secret:\n        print("Too low" if guess < secret else "Too high")\nprint("That is it")\n', options: TYPED },
    { title: "Colours of a terminal", note: "terminal", code: 'import os\n\ncolumns, rows = os.get_terminal_size()\nfor row in range(6):\n    print("".join(f"\\033[48;2;{255 * column // columns};{40 * row};160m " for column in range(columns)) + "\\033[0m")\nname = input("\\nYour name: ")\nprint(f"\\033[1mHello, {name}\\033[0m, on {columns} by {rows}")\n', options: { input: "terminal", timeoutMs: 60_000 } },
    { title: "Draw a chart", note: "a file", code: 'import math\n\npoints = " ".join(f"{x},{60 - 50 * math.sin(x / 20):.1f}" for x in range(0, 400, 4))\nwith open("wave.svg", "w") as file:\n    file.write(f\'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 120"><polyline fill="none" stroke="slateblue" stroke-width="3" points="{points}"/></svg>\')\nprint("wave.svg is below")\n' },
  ],
  javascript: [
    { title: "Read lines", note: "stdin", code: 'const lines = require("node:fs").readFileSync(0, "utf8").trim().split("\\n");\nlines.forEach((line, index) => console.log(`${index + 1} ${line}`));\n', options: { stdin: POEM } },
    { title: "Hash a text", note: "node:crypto", code: 'const { createHash } = require("node:crypto");\n\nfor (const name of ["sha1", "sha256"]) console.log(name, createHash(name).update("Hello").digest("hex"));\n' },
    { title: "Ask and answer", note: "typed", code: 'const { createInterface } = require("node:readline/promises");\n\nasync function main() {\n  const lines = createInterface({ input: process.stdin, output: process.stdout });\n  const name = await lines.question("Your name? ");\n  console.log(`Hello, ${name}`);\n  lines.close();\n}\nmain();\n', options: TYPED },
  ],
};

/** The templates of a language: its first program, and what there is more. */
export function templatesFor(lang: string): Template[] {
  const first = FIRST[lang] ?? FIRST[modeOf(lang)];
  const hello = first === undefined ? [] : [{ title: "Hello", note: "print", code: first, ...(lang === "python" ? { options: { stdin: "Ada\n" } } : {}) }];
  return [...hello, ...(MORE[lang] ?? MORE[modeOf(lang)] ?? [])];
}

/** A template as a program. */
export const programOf = (lang: string, { code, options }: Template): Program => ({ ...DEFAULTS, ...options, lang, code });
