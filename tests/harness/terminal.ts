//! A program at a terminal, as the runner's own caller sees it: what is typed, what is shown, and how it ends.

import assert from "node:assert/strict";
import { job, post, PROTOCOL, readEvents, type End, type Language, type Rest } from "./jobs.ts";
import type { AnyRunner } from "./runner.ts";
import { until } from "./until.ts";

/** A line of 80 characters, and a screen of 24 lines. */
export const USUAL = { cols: 80, rows: 24 };

export class Terminal {
  /** All that was shown. */
  shown = "";
  /** How the run has ended. */
  end: End | undefined;
  readonly #socket: WebSocket;
  readonly #abort: AbortController;

  private constructor(socket: WebSocket, abort: AbortController) {
    this.#socket = socket;
    this.#abort = abort;
  }

  /** Starts a program at a terminal. `reads` false leaves its events unread until {@link read}. */
  static async start(runner: AnyRunner, language: Language, code: string, rest: Rest = {}, reads = true): Promise<Terminal> {
    const program = { ...job(language, code, rest), interactive: true, tty: rest.tty ?? USUAL };
    const abort = new AbortController();
    const response = await post(runner, JSON.stringify(program), {}, abort.signal);
    assert.equal(response.status, 200, response.ok ? "" : await response.text());
    const headers = { authorization: `Bearer ${runner.secret}`, "docle-protocol": PROTOCOL };
    const socket = new WebSocket(`${runner.url.replace("http", "ws")}/v1/runs/${program.id}/stdin`, { headers } as unknown as string[]);
    const terminal = new Terminal(socket, abort);
    await until("the socket to open", () => socket.readyState !== WebSocket.CONNECTING);
    terminal.#response = response;
    if (reads) terminal.read();
    return terminal;
  }

  #response: Response | undefined;

  /** Begins to read the events. */
  read(): void {
    const response = this.#response;
    assert(response);
    const reading = async () => {
      for await (const event of readEvents(response)) {
        if (event.type === "complete") this.end = event.report;
        else if (event.type === "stdout") this.shown += event.data;
        else assert.equal(event.type, "start", JSON.stringify(event));
      }
    };
    void reading().catch(() => undefined);
  }

  type(text: string | Uint8Array): void {
    this.#socket.send(typeof text === "string" ? Buffer.from(text) : text);
  }

  resize(cols: number, rows: number): void {
    this.#socket.send(JSON.stringify({ type: "resize", cols, rows }));
  }

  /** Waits until something is shown. */
  shows(text: string): Promise<void> {
    return until(`${JSON.stringify(text)} after ${JSON.stringify(this.shown.slice(-500))}`, () => this.shown.includes(text), 60);
  }

  /** Waits for the end. */
  async over(): Promise<End> {
    await until(`the end after ${JSON.stringify(this.shown.slice(-500))}`, () => this.end !== undefined, 60);
    assert(this.end);
    return this.end;
  }

  /** Leaves, which ends the run. */
  leave(): void {
    this.#abort.abort();
    this.#socket.close();
  }
}
