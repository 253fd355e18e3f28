//! Where the output of a program goes: as it is into files and pipes, without commands to the terminal into a terminal.

import { once } from "node:events";
import type { WriteStream } from "node:tty";
import { TerminalFilter } from "./terminal.ts";

/** Writes to one stream of this process. */
class Sink {
  readonly #stream: NodeJS.WriteStream;
  readonly #filter: TerminalFilter | undefined;

  constructor(stream: NodeJS.WriteStream, screen: boolean) {
    this.#stream = stream;
    this.#filter = (stream as WriteStream).isTTY ? new TerminalFilter(screen) : undefined;
  }

  /** Makes the terminal as it was before. */
  reset(): void {
    if (this.#filter) this.#stream.write(this.#filter.reset());
  }

  /** Waits while the reader is slower than the program. */
  async write(text: string): Promise<void> {
    if (!this.#stream.write(this.#filter?.filter(text) ?? text)) await once(this.#stream, "drain");
  }
}

/** The streams of a program. */
export class Output {
  readonly stdout: Sink;
  readonly stderr: Sink;

  /** With `screen` the program draws on the terminal. */
  constructor(screen = false) {
    this.stdout = new Sink(process.stdout, screen);
    this.stderr = new Sink(process.stderr, screen);
  }
}

/** Says something to the person, beside the output of the program. */
export function say(text: string): void {
  const clean = new TerminalFilter().filter(text);
  process.stderr.write(`docle: ${clean}\n`);
}
