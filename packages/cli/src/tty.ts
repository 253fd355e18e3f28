//! The terminal of this process, for a program that asks for one.

import { execFileSync } from "node:child_process";
import { Failure, USAGE } from "./failure.ts";
import type { CommandLine } from "./options.ts";

/** Gives the terminal to the program: what is typed, Ctrl-C too, and what is shown, as it is. `setRawMode(false)` takes it back. */
export function takeTerminal(): void {
  process.stdin.setRawMode(true);
  try {
    // Node leaves it on that a line feed begins a new line. Programs that draw move down with it.
    execFileSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
  } catch {
    // Windows has no such program, and no such setting.
  }
}

/** Says why a program cannot have the terminal. */
export function checkTerminal(values: CommandLine["values"]): void {
  const other = (["detach", "watch", "json"] as const).find((name) => values[name]);
  if (other !== undefined) throw new Failure(`--tty and --${other} exclude each other.`, USAGE);
  if (!process.stdin.isTTY || !process.stdout.isTTY) throw new Failure("--tty needs a terminal; leave it out in a pipe.", USAGE);
}
