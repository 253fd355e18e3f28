#!/usr/bin/env node
//! The command `docle`.

import { readFileSync } from "node:fs";
import { Failure, USAGE, failureOf } from "./failure.ts";
import { keys, open } from "./keys.ts";
import { login, logout } from "./login.ts";
import { logs } from "./logs.ts";
import { HELP, SANDBOX_HELP, readCommandLine, type CommandLine } from "./options.ts";
import { say } from "./output.ts";
import { cancel, languages, runs, show } from "./results.ts";
import { run } from "./run.ts";
import { sandbox } from "./sandbox.ts";

const commands: Record<string, (line: CommandLine) => number | Promise<number>> = { run, sandbox, runs, show, cancel, logs, languages, login, logout, keys, open };

async function main(): Promise<number> {
  const line = readCommandLine(process.argv.slice(2));
  const { command, values } = line;
  if (values.version) {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (values.help && command === "sandbox") {
    process.stdout.write(SANDBOX_HELP);
    return 0;
  }
  if (values.help || command === undefined || command === "help") {
    (values.help || command === "help" ? process.stdout : process.stderr).write(HELP);
    return values.help || command === "help" ? 0 : USAGE;
  }
  const action = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (action === undefined) throw new Failure(`There is no command ${command}. \`docle --help\` lists them; \`docle run ${command}\` runs a file.`, USAGE);
  return action(line);
}

// The reader of the output may stop reading, as `head` does.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 141 : 1));
}

try {
  process.exitCode = await main();
} catch (error) {
  const failure = failureOf(error);
  say(failure.message);
  process.exitCode = failure.exitCode;
}
// A socket or a terminal that is still open must not keep the command alive; what was written is written.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))));
process.exit();
