//! `docle run`.

import { readFileSync, watch } from "node:fs";
import { Docle, type RunRequest, type RunResult } from "@doclehq/sdk";
import { saveArtifacts } from "./artifacts.ts";
import { accessOf, type Access } from "./config.ts";
import { Failure, INTERRUPTED, USAGE, failureOf } from "./failure.ts";
import { inputKind } from "./input.ts";
import { interact } from "./interactive.ts";
import { numberOf, variables, type CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";
import { filesIn, languageOf, readMore, readProgram } from "./program.ts";
import { checkTerminal, takeTerminal } from "./tty.ts";

/** How long a program may take where nothing is said: at a terminal a person types. Milliseconds. */
const TIMEOUT_MS = 60_000;
const TIMEOUT_AT_TERMINAL_MS = 300_000;
/** An editor writes a file in several steps. Milliseconds. */
const SETTLE_MS = 80;

/** Runs a program; answers with the exit code. */
export async function run({ operands, values }: CommandLine): Promise<number> {
  const [path] = operands;
  if (path === undefined && values.repo === undefined) throw new Failure("Say which file or folder to run: docle run main.py", USAGE);
  const other = (["ref", "subdir"] as const).find((name) => values[name] !== undefined);
  if (values.repo === undefined && other !== undefined) throw new Failure(`--${other} belongs to --repo <url>.`, USAGE);
  const access = accessOf(values["base-url"]);
  const request = () => requestOf(path, operands.slice(1), values);
  if (values.tty) checkTerminal(values);
  if (values.detach) return detach(access, request(), values);
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort(new Failure("The run was ended.", INTERRUPTED)));
  process.once("SIGTERM", () => interrupt.abort(new Failure("The run was ended.", 143)));
  if (!values.watch) return runOnce(access, request(), values, interrupt.signal);
  // What is wrong now is wrong with the command line; later it is a file that is just being written.
  request();
  if (path === undefined || values.repo !== undefined) throw new Failure("--watch and --repo exclude each other.", USAGE);
  return runAgain(path, async (signal) => runOnce(access, request(), values, signal), interrupt.signal);
}

/** Starts a run that goes on without this command. Input that is a file is sent with it. */
async function detach(access: Access, request: RunRequest, values: CommandLine["values"]): Promise<number> {
  const { artifactsInline: _, ...program } = request;
  const stdin = inputKind() === "file" ? readFileSync(0, "utf8") : "";
  const run = await new Docle(access).run({ ...program, stdin, detach: true });
  await new Output().stdout.write(values.json ? `${JSON.stringify(run)}\n` : `${run.id}\n`);
  return 0;
}

/** The request of a command line. */
function requestOf(path: string | undefined, args: string[], values: CommandLine["values"]): RunRequest {
  const options = { lang: values.lang, entrypoint: values.entrypoint, more: values.file ?? [] };
  const program = values.repo === undefined ? readProgram(path ?? ".", options) : programOf(values.repo, path, values);
  const seconds = numberOf("timeout", values.timeout);
  const memoryMB = numberOf("memory", values.memory);
  const hosts = values["allow-host"];
  const standard = process.stdin.isTTY ? TIMEOUT_AT_TERMINAL_MS : TIMEOUT_MS;
  return {
    ...program,
    args,
    env: variables(values.env ?? []),
    ...(values.package ? { packages: values.package } : {}),
    ...(values.artifact ? { artifacts: values.artifact, artifactsInline: true } : {}),
    policy: {
      timeoutMs: seconds === undefined ? standard : Math.round(seconds * 1_000),
      ...(memoryMB === undefined ? {} : { memoryMB }),
      ...(values["allow-network"] || hosts ? { allowNetwork: true } : {}),
      ...(hosts ? { allowedHosts: hosts } : {}),
    },
  };
}

/** The program of a repository, of which `path` is the file that is started. Files of this machine come into it. */
function programOf(url: string, path: string | undefined, values: CommandLine["values"]): Partial<RunRequest> & Pick<RunRequest, "lang"> {
  if (path !== undefined && values.entrypoint !== undefined) throw new Failure("With --repo the file to start is named once: as operand, or by --entrypoint.", USAGE);
  const entrypoint = path ?? values.entrypoint;
  if (entrypoint === undefined && values.lang === undefined) throw new Failure("Say which file of the repository is started, or its language: docle run --repo <url> main.py", USAGE);
  const { ref, subdir } = values;
  const token = process.env.DOCLE_REPO_TOKEN;
  return {
    lang: languageOf(entrypoint ?? "", values.lang),
    repo: { url, ...(ref === undefined ? {} : { ref }), ...(subdir === undefined ? {} : { subdir }), ...(token ? { token } : {}) },
    ...(values.file ? { files: readMore(".", values.file) } : {}),
    ...(entrypoint === undefined ? {} : { entrypoint }),
  };
}

async function runOnce(access: Access, request: RunRequest, values: CommandLine["values"], signal: AbortSignal): Promise<number> {
  const output = new Output(values.tty);
  const kind = inputKind();
  const program = kind === "file" ? { ...request, stdin: readFileSync(0, "utf8") } : request;
  const seen = { stdout: "", stderr: "" };
  let result: RunResult | undefined;
  // A client that leaves this kind of run ends it, however early, so that nothing goes on unseen.
  const input = kind === "live" ? process.stdin : undefined;
  const screen = values.tty ? process.stdout : undefined;
  if (screen) takeTerminal();
  try {
    for await (const event of interact(access, program, input, signal, screen)) {
      if (event.type === "stdout" || event.type === "stderr") {
        if (values.json) seen[event.type] += event.data;
        else await output[event.type].write(event.data);
      } else if (event.type === "complete") {
        const { type: _, ...rest } = event;
        // A long output has come already, and is not in the last message.
        result = { ...rest, ...(values.json ? seen : {}) };
      }
    }
  } finally {
    if (screen) {
      process.stdin.setRawMode(false);
      output.stdout.reset();
    }
  }
  if (result === undefined) throw new Failure("The service did not say how the program ended.");
  if (values.json) await output.stdout.write(`${JSON.stringify(result)}\n`);
  if (values.artifact) await saveArtifacts(result, values.out ?? ".");
  // Warnings; the errors of a compiler have come as the program's own.
  if (!values.json && result.compile && result.status !== "compile_error") await output.stderr.write(result.compile.stdout + result.compile.stderr);
  explain(result);
  // A run that did not start, or that the service ended, has no exit code of the program.
  return result.status === "system" || result.status === "install_failed" ? 125 : result.exitCode;
}

/** Says what the output of the program does not. */
function explain(result: RunResult): void {
  const { status, limit, signal, truncated, hint } = result;
  if (status === "timeout") say(limit === "cpuMs" ? "the program used up its processor time." : "the program took too long and was ended; --timeout gives it more time.");
  else if (status === "memory") say("the program needed too much memory and was ended; --memory gives it more.");
  else if (status === "output") say("the program wrote too much and was ended.");
  else if (status === "compile_error") say("the program does not compile.");
  else if (status === "install_failed") say(result.repo?.error ? "the repository could not be fetched, so the program did not start." : "the packages could not be installed, so the program did not start.");
  else if (status === "system") say(`the sandbox failed, not the program; run it again. The run is ${result.id}.`);
  else if (status === "killed") say(`the program was ended by ${signal ?? "a signal"}${limit === "maxFileMB" ? ": it wrote too large a file" : ""}.`);
  if ((truncated.stdout || truncated.stderr) && status !== "output") say("a part of the output is missing.");
  for (const server of result.network?.refused ?? []) say(`${server} was not reached: --allow-host allows it.`);
  if (hint !== undefined) say(hint);
}

/** Runs a program again whenever its files change, until Ctrl-C. A run that still runs is ended. */
async function runAgain(path: string, once: (signal: AbortSignal) => Promise<number>, interrupt: AbortSignal): Promise<number> {
  let changed: () => void = () => undefined;
  const watchers = watchersOf(path, () => changed());
  try {
    while (!interrupt.aborted) {
      const current = new AbortController();
      const next = new Promise<void>((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        changed = () => {
          clearTimeout(timer);
          timer = setTimeout(resolve, SETTLE_MS);
        };
        interrupt.addEventListener("abort", () => resolve(), { once: true });
      });
      const ran = once(current.signal).then(
        (code) => say(`exit code ${code}; waiting for changes, Ctrl-C ends.`),
        (error: unknown) => current.signal.aborted || say(failureOf(error).message),
      );
      await next;
      current.abort(new Failure("The program has changed."));
      await ran;
    }
  } finally {
    watchers.forEach((watcher) => watcher.close());
  }
  return INTERRUPTED;
}

function watchersOf(path: string, listener: () => void) {
  const isSent = (file: string) => {
    try {
      return filesIn(path).includes(file.replaceAll("\\", "/"));
    } catch {
      return true;
    }
  };
  try {
    return [watch(path, { recursive: true }, (_, file) => (file === null || isSent(file)) && listener())];
  } catch (error) {
    // Who cannot watch folders within folders watches the one.
    if ((error as NodeJS.ErrnoException).code !== "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM") throw error;
    return [watch(path, listener)];
  }
}
