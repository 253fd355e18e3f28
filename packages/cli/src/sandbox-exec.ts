//! `docle sandbox exec`.

import { readFileSync } from "node:fs";
import type { ExecRequest, ExecResult, Sandbox, Sandboxes } from "@doclehq/sdk/sandboxes";
import { FAILED, Failure, INTERRUPTED, USAGE } from "./failure.ts";
import { inputKind } from "./input.ts";
import { numberOf, variables, type CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";
import { checkTerminal } from "./tty.ts";
import { atTerminal } from "./sandbox-terminal.ts";

/** How long a command may take where nothing is said: as long as the service lets it. Milliseconds. */
const TIMEOUT_MS = 300_000;
/** How much of each stream comes back at most, which is what the service allows. */
const MAX_OUTPUT_BYTES = 10 << 20;

/** Executes a command in a sandbox; answers with its exit code. */
export async function exec(sandboxes: Sandboxes, { operands, values }: CommandLine): Promise<number> {
  const [id, ...words] = operands;
  if (id === undefined) throw new Failure("Say which sandbox: docle sandbox exec <sandbox> <command>", USAGE);
  if (words.length === 0 && !values.tty) throw new Failure(`Say what to execute: docle sandbox exec ${id} <command>; or --tty for a shell.`, USAGE);
  const seconds = numberOf("timeout", values.timeout);
  if (values.tty) {
    checkTerminal(values);
    const other = (["timeout", "session"] as const).find((name) => values[name] !== undefined);
    if (other !== undefined) throw new Failure(`--tty and --${other} exclude each other.`, USAGE);
    return atTerminal(await sandboxes.get(id), words, values);
  }
  const command: ExecRequest = {
    ...(words.length === 1 && words[0] !== undefined ? { command: words[0] } : { argv: words }),
    ...(values.cwd === undefined ? {} : { cwd: values.cwd }),
    ...(values.env ? { env: variables(values.env) } : {}),
  };
  const sandbox = await sandboxes.get(id);
  if (values.detach) return detach(sandbox, command, seconds, values);
  return execOnce(sandbox, { ...command, ...(values.session === undefined ? {} : { session: values.session }), stdin: input(), timeoutMs: seconds === undefined ? TIMEOUT_MS : Math.round(seconds * 1_000), maxOutputBytes: MAX_OUTPUT_BYTES }, values);
}

/** Starts a process that goes on without this command. */
async function detach(sandbox: Sandbox, command: Pick<ExecRequest, "command" | "argv" | "cwd" | "env">, seconds: number | undefined, values: CommandLine["values"]): Promise<number> {
  if (values.session !== undefined) throw new Failure("--detach and --session exclude each other: what goes on is a process of its own.", USAGE);
  const process = await sandbox.processes.start({ ...command, ...(values.name === undefined ? {} : { name: values.name }), ...(seconds === undefined ? {} : { timeoutMs: Math.round(seconds * 1_000) }) });
  await new Output().stdout.write(values.json ? `${JSON.stringify(process)}\n` : `${process.id}\n`);
  return 0;
}

/** What a file or a pipe gives, to its end. */
function input(): string {
  if (process.stdin.isTTY || inputKind() === "none") return "";
  const bytes = readFileSync(0);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failure("Standard input is not UTF-8. Bring it there as a file: docle sandbox cp", USAGE);
  }
}

async function execOnce(sandbox: Sandbox, command: ExecRequest, values: CommandLine["values"]): Promise<number> {
  const output = new Output();
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort(new Failure("The command was ended.", INTERRUPTED)));
  process.once("SIGTERM", () => interrupt.abort(new Failure("The command was ended.", 143)));
  // Leaving the events ends the command.
  for await (const event of sandbox.stream(command, { signal: interrupt.signal })) {
    if (event.type === "error") throw new Failure(event.message);
    if ((event.type === "stdout" || event.type === "stderr") && !values.json) await output[event.type].write(event.data);
    if (event.type !== "complete") continue;
    const { type: _, ...result } = event;
    if (values.json) await output.stdout.write(`${JSON.stringify(result)}\n`);
    explain(result);
    return result.status === "system" ? FAILED : result.exitCode;
  }
  return FAILED;
}

/** Says what the output of the command does not. */
function explain({ status, truncated, session, restoredFrom }: ExecResult): void {
  if (restoredFrom !== undefined) say(`the machine of the sandbox was lost before; its files are those of ${restoredFrom}.`);
  if (status === "timeout") say("the command took too long and was ended; --detach starts one that goes on.");
  else if (status === "memory") say("the sandbox has no memory left.");
  else if (status === "killed") say("the command was ended.");
  else if (status === "system") say("the machine of the sandbox was lost; what the command has done is not known.");
  if (truncated.stdout || truncated.stderr) say("a part of the output is missing; write it to a file, and copy that with docle sandbox cp.");
  if (session?.restarted) say(`the session ${session.id} had ended; this is a new shell.`);
}
