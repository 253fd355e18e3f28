//! The command line.

import { parseArgs } from "node:util";
import { Failure, USAGE } from "./failure.ts";

export const HELP = `Runs untrusted code in a sandbox. The exit code is the program's.

  docle run [options] <file or folder> [arguments of the program]
  docle run --repo <url> [options] [file of the repository] [arguments]
  docle sandbox …         machines whose files stay: docle sandbox --help
  docle runs              the last 20 runs; with --lang those in a language
  docle show <run>        the result of a run when it has ended, and its output
  docle cancel <run>      ends a run
  docle logs [run]        the output of a run, also while it goes on; without one the last runs
  docle languages         what the service runs
  docle login             signs in: shows a code that you type into a page; with --with-key asks for an API key
  docle logout            revokes what login has made, and forgets it
  docle keys              the keys of your project; keys new --name <name> makes one, keys rm <key> revokes it
  docle open              opens the page of your project

Options of run:
  -l, --lang <language>   the language, if the file's ending does not say it
  -p, --package <name>    installs a package first; again for more
  -e, --env <NAME=value>  a variable of the environment; NAME alone takes yours
  -f, --file <file>       one more file beside the program; again for more
      --repo <url>        starts with the files of a git repository; --ref <branch, tag or commit>, --subdir <folder>.
                          A token that may read it is in DOCLE_REPO_TOKEN
      --entrypoint <file> which file of a folder is started
  -t, --timeout <seconds> ends the program after this time: 60, and 300 at a terminal
  -m, --memory <MB>       the most memory that it may use: 256
      --allow-network     lets it use the network
      --allow-host <host> lets it reach this host only; again for more
  -a, --artifact <glob>   saves files that it wrote, such as "out/*.png"
  -o, --out <folder>      where: the current folder
      --tty               gives it your terminal: it draws screens, and Ctrl-C is a key
  -d, --detach            prints the id and leaves; docle show waits for the result
      --watch             runs again when the program changes
      --json              prints the whole result as JSON

Options of all commands:
      --base-url <url>    the address of the service; or DOCLE_BASE_URL
  -h, --help, --version

The key is in DOCLE_API_KEY, or kept by docle login. Exit codes of docle itself: 2 if the command line is wrong, 125 if the
program was not run, 130 after Ctrl-C.
`;

export const SANDBOX_HELP = `Machines whose files stay until you delete them. <sandbox> is an id, or key: and a key.

  docle sandbox new [options]                     makes one, and prints its id
  docle sandbox ls                                lists them, the newest first
  docle sandbox exec [options] <sandbox> <command> [arguments]
                                                  executes a program; one word is a line for bash
  docle sandbox cp <from>... <to>                 copies files and folders; <sandbox>:<path> is a place in a sandbox
  docle sandbox logs [--follow] <sandbox> [process]
                                                  the output of a process, by id or name; without one lists them
  docle sandbox rm <sandbox>...                   deletes sandboxes with their files

Options of new:
      --name <name>       what lists show
      --key <key>         a name of your own; the same one again answers with the same sandbox
  -l, --lang <language>   the language of files whose ending says none
  -e, --env <NAME=value>  a variable of every command; NAME alone takes yours
  -m, --memory <MB>       the memory of all programs together: 512
      --disk <MB>         all files together: 1024
      --allow-network     lets programs use the network; without it package registries only
      --allow-host <host> lets programs reach this host; again for more

Options of exec, before the sandbox:
      --session <name>    a shell whose directory and variables stay for the next command
      --cwd <folder>      where it is executed: /workspace
  -e, --env <NAME=value>  a variable of the command
  -t, --timeout <seconds> ends the command after this time: 300, which is the most
      --tty               gives it your terminal; without a command you get a shell
  -d, --detach            starts a process that goes on, and prints its id
      --json              prints the whole result as JSON

Exit code and streams are the command's. Standard input is sent when it has ended; at a terminal it is empty without --tty.
`;

const OPTIONS = {
  lang: { type: "string", short: "l" },
  package: { type: "string", short: "p", multiple: true },
  env: { type: "string", short: "e", multiple: true },
  file: { type: "string", short: "f", multiple: true },
  entrypoint: { type: "string" },
  timeout: { type: "string", short: "t" },
  memory: { type: "string", short: "m" },
  "allow-network": { type: "boolean" },
  "allow-host": { type: "string", multiple: true },
  artifact: { type: "string", short: "a", multiple: true },
  out: { type: "string", short: "o" },
  tty: { type: "boolean" },
  detach: { type: "boolean", short: "d" },
  watch: { type: "boolean" },
  json: { type: "boolean" },
  repo: { type: "string" },
  ref: { type: "string" },
  subdir: { type: "string" },
  name: { type: "string" },
  key: { type: "string" },
  disk: { type: "string" },
  session: { type: "string" },
  cwd: { type: "string" },
  follow: { type: "boolean" },
  "with-key": { type: "boolean" },
  "base-url": { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

/** What was asked for. */
export interface CommandLine {
  command: string | undefined;
  /** What follows the command; the arguments of the program after the first one. */
  operands: string[];
  values: Values;
}

/** Reads the command line. What follows the program are its own arguments, whatever they look like. */
export function readCommandLine(args: string[]): CommandLine {
  const { tokens } = parse({ args, options: OPTIONS, allowPositionals: true, strict: false, tokens: true });
  const names = tokens.filter((token) => token.kind === "positional");
  const program = lastOwn(names)?.index;
  const own = program === undefined ? args : args.slice(0, program + 1);
  const rest = program === undefined ? [] : args.slice(program + 1);
  const { values, positionals } = parse({ args: own, options: OPTIONS, allowPositionals: true });
  const [command, ...operands] = positionals;
  return { command, operands: [...operands, ...(rest[0] === "--" ? rest.slice(1) : rest)], values };
}

/** The word after which arguments are the program's own. */
function lastOwn(names: { value: string; index: number }[]): { index: number } | undefined {
  const [command, action, sandbox] = names;
  if (command?.value === "run") return action;
  return command?.value === "sandbox" && action?.value === "exec" ? sandbox : undefined;
}

const parse: typeof parseArgs = (config) => {
  try {
    return parseArgs(config);
  } catch (error) {
    const [message = ""] = (error as Error).message.split(". To specify");
    throw new Failure(`${message.replace(/\.?$/, ".")} \`docle --help\` lists the options.`, USAGE);
  }
};

/** A number of an option, in its unit. */
export function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number <= 0) throw new Failure(`--${name} must be a number above 0, got ${text}.`, USAGE);
  return number;
}

/** Variables as `NAME=value`, or `NAME` for that of this process. */
export function variables(all: string[]): Record<string, string> {
  return Object.fromEntries(
    all.map((text): [string, string] => {
      const at = text.indexOf("=");
      const name = at === -1 ? text : text.slice(0, at);
      const value = at === -1 ? process.env[name] : text.slice(at + 1);
      if (name === "" || value === undefined) throw new Failure(`--env ${text}: write NAME=value, or the name of a variable that is set here.`, USAGE);
      return [name, value];
    }),
  );
}
