//! Where the output of a program goes: as it is into files and pipes, without commands to the terminal into a terminal.

import { once } from "node:events";
import type { WriteStream } from "node:tty";
import { TerminalFilter } from "./terminal.ts";

/** Writes to one stream of this process. */
class Sink {
  readonly #stream: NodeJS.WriteStream;
  readonly #filter: TerminalFilter | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#filter = (stream as WriteStream).isTTY ? new TerminalFilter() : undefined;
  }

  /** Waits while whoever reads is slower than the program. */
  async write(text: string): Promise<void> {
    if (!this.#stream.write(this.#filter?.filter(text) ?? text)) await once(this.#stream, "drain");
  }
}

/** The streams of a program. */
export class Output {
  readonly stdout = new Sink(process.stdout);
  readonly stderr = new Sink(process.stderr);
}

/** Says something to the person, beside the output of the program. */
export function say(text: string): void {
  const clean = new TerminalFilter().filter(text);
  process.stderr.write(`docle: ${clean}\n`);
}
