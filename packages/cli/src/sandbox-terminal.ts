//! `docle sandbox exec --tty`: a program, or a shell, at the terminal of this process.

import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import type { Sandbox } from "@doclehq/sdk/sandboxes";
import { FAILED, Failure, USAGE } from "./failure.ts";
import { variables, type CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";
import { takeTerminal } from "./tty.ts";

/** A terminal takes lines of 4,095 bytes as long as no program reads key by key. */
const MAX_LINE = 4_000;

/** Gives the terminal to a command, or without one to a shell; answers with its exit code. */
export async function atTerminal(sandbox: Sandbox, words: string[], values: CommandLine["values"]): Promise<number> {
  // Node 20 has no WebSocket of its own.
  globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
  // A terminal of its own, so that nobody else types here, and its shell is a new one.
  const session = `cli-${randomBytes(8).toString("hex")}`;
  const start = new Start(words, values);
  const output = new Output(true);
  const decoder = new TextDecoder();
  let shown = Promise.resolve();
  const { columns: cols = 80, rows = 24 } = process.stdout;
  const terminal = sandbox.terminal({ session, cols, rows, onData: (bytes) => (shown = shown.then(() => output.stdout.write(start.show(decoder.decode(bytes, { stream: true }))))) });
  const type = (data: Buffer) => terminal.write(data);
  const resize = () => terminal.resize(process.stdout.columns, process.stdout.rows);
  for (const signal of ["SIGHUP", "SIGTERM"]) process.once(signal, () => terminal.close());
  takeTerminal();
  try {
    await terminal.ready;
    terminal.write(start.line);
    process.stdin.on("data", type);
    process.stdout.on("resize", resize);
    const exit = await terminal.exited;
    await shown;
    if (exit !== undefined && !start.hasBegun) throw new Failure(`The program did not start.\n${start.hidden.trim()}`);
    if (exit === undefined) throw new Failure("The connection to the terminal has ended before the program.");
    if (exit.signal !== null) say(`the program was ended by ${exit.signal}.`);
    return exit.code ?? FAILED;
  } finally {
    process.stdin.off("data", type).pause();
    process.stdout.off("resize", resize);
    process.stdin.setRawMode(false);
    output.stdout.reset();
    terminal.close();
    // Ends the shell, if the connection has ended before it. Nothing waits for that.
    await sandbox.sessions.delete(session).catch(() => undefined);
  }
}

/** The line that makes the shell of a terminal the program, and what is shown after it. */
class Start {
  readonly line: string;
  readonly #mark: string;
  /** What the shell has written before the program. */
  hidden = "";
  hasBegun = false;

  constructor(words: string[], values: CommandLine["values"]) {
    const id = randomBytes(8).toString("hex");
    this.#mark = `docle-${id}\r\n`;
    const cwd = values.cwd === undefined ? "" : `cd ${quoted(values.cwd)} && `;
    const env = Object.entries(variables(values.env ?? [])).map(([name, value]) => quoted(`${name}=${value}`));
    const [word] = words;
    const program = words.length === 0 ? ["bash", "-i"] : words.length === 1 && word !== undefined ? ["bash", "-c", quoted(word)] : words.map(quoted);
    // The shell shows the line that is typed, in which the mark is in two pieces.
    this.line = ` ${cwd}printf 'docle-%s\\n' ${id} && exec env ${[...env, ...program].join(" ")} || exit 126\n`;
    if (Buffer.byteLength(this.line) > MAX_LINE) throw new Failure("The command is too long for a terminal. Copy it there as a file: docle sandbox cp", USAGE);
  }

  /** The part of what the terminal writes that the program has written. */
  show(text: string): string {
    if (this.hasBegun) return text;
    this.hidden += text;
    const at = this.hidden.indexOf(this.#mark);
    if (at < 0) return "";
    this.hasBegun = true;
    return this.hidden.slice(at + this.#mark.length);
  }
}

/** A word for bash. */
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
