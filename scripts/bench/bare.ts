//! The bare interpreters: started as the machine starts them, without a jail, in quiet.
//!
//! A runner prepares the next jails after each run. Whatever is measured meanwhile shares the processors with that, so the
//! bare interpreters are measured before a runner starts and again after it has stopped. A shell starts them: a new
//! process of Node itself costs more than one of a small program, and that would flatter the runs.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Language } from "../../tests/harness/jobs.ts";
import { python } from "../setup/interpreters.mjs";
import { node } from "../setup/paths.mjs";
import { times, figures, type Figures } from "./measure.ts";

const LANGUAGES: Language[] = ["python", "node"];
const COMMANDS: Record<Language, string[]> = { python: [python(), "-c", "print(1)"], node: [node, "-e", "console.log(1)"] };

/** Starts its command for each line that it reads, and writes a line when the command has ended. */
const SHELL = 'while read -r _; do "$@" < /dev/null > /dev/null || exit 1; echo; done';

/** Times in milliseconds of so many starts of an interpreter, one after the other. */
async function starts(language: Language, n: number): Promise<number[]> {
  const shell = spawn("sh", ["-c", SHELL, "sh", ...COMMANDS[language]], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const start = async () => {
    shell.stdin.write("\n");
    if ((await lines.next()).done) throw new Error(`a bare ${language} failed`);
  };
  try {
    return await times(n, start);
  } finally {
    shell.stdin.end();
    await once(shell, "close");
  }
}

/** The bare interpreters, as often as they were measured. */
export class Bare {
  readonly #times: Record<Language, number[]> = { python: [], node: [] };
  readonly #perSecond: Record<Language, number[]> = { python: [], node: [] };

  /** Measures each interpreter `n` times, and how many start in a second, two at once. Nothing else may run. */
  async measure(n: number): Promise<void> {
    for (const language of LANGUAGES) {
      this.#times[language].push(...(await starts(language, n)));
      const begun = performance.now();
      await Promise.all([starts(language, n / 2), starts(language, n / 2)]);
      this.#perSecond[language].push((n * 1_000) / (performance.now() - begun));
    }
  }

  of(language: Language): Figures {
    return figures(this.#times[language]);
  }

  /** Starts a second, two at once: the better of the measurements. */
  perSecond(language: Language): number {
    return Math.max(...this.#perSecond[language]);
  }
}
