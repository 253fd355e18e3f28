//! A run that ends with its connection, and whose standard input may be the one of this process, as it comes.

import type { WriteStream } from "node:tty";
import { WebSocket } from "ws";
import { DocleConnectionError, DocleError, type RunRequest, type RunStreamEvent } from "@doclehq/sdk";
import type { Access } from "./config.ts";

/** What the service sends: an event of the run, or why there is none. */
type Message = RunStreamEvent | { type: "error"; problem: ConstructorParameters<typeof DocleError>[1] & { status?: number } };

/** How much may wait to be sent before no more input is read. */
const MAX_WAITING = 1 << 20;

/**
 * Runs a program and passes input on until it ends; without input the program sees the end of its `stdin`. The size of `screen` is that
 * of the program's terminal, when it changes, too. Aborting ends the run.
 */
export async function* interact(access: Access, program: RunRequest, input: NodeJS.ReadStream | undefined, signal: AbortSignal, screen?: WriteStream): AsyncGenerator<RunStreamEvent, void, undefined> {
  const url = new URL("/api/run", access.baseUrl);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url, ["docle"], { headers: { authorization: `Bearer ${access.apiKey}` }, maxPayload: 64 << 20 });
  const inbox = new Inbox();
  const send = (message: object) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  const decoder = new TextDecoder();
  const passOn = (data: Buffer) => {
    send({ type: "stdin", data: decoder.decode(data, { stream: true }) });
    if (socket.bufferedAmount < MAX_WAITING) return;
    input?.pause();
    const look = setInterval(() => {
      if (socket.bufferedAmount >= MAX_WAITING && socket.readyState === WebSocket.OPEN) return;
      clearInterval(look);
      input?.resume();
    }, 10);
  };
  const end = () => send({ type: "stdin", end: true });
  const abort = () => inbox.fail(signal.reason);
  const resize = () => screen && send({ type: "resize", ...sizeOf(screen) });

  socket.on("unexpected-response", (_request, response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      const headers = new Headers(Object.entries(response.headers).map(([name, value]): [string, string] => [name, `${value}`]));
      inbox.fail(new DocleError(response.statusCode ?? 0, problemOf(Buffer.concat(chunks).toString()), headers));
    });
  });
  socket.on("error", (error) => inbox.fail(new DocleConnectionError(error)));
  socket.on("close", () => inbox.fail(new DocleConnectionError(new Error("The connection ended before the run did."))));
  socket.on("message", (data) => inbox.put(JSON.parse(data.toString()) as Message));
  socket.on("open", () => {
    socket.send(JSON.stringify(screen ? { ...program, tty: sizeOf(screen) } : program));
    if (input === undefined) end();
    input?.on("data", passOn).on("end", end);
  });
  screen?.on("resize", resize);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    for (;;) {
      const message = await inbox.take();
      if (message.type === "error") throw new DocleError(message.problem.status ?? 0, message.problem, new Headers());
      yield message;
      if (message.type === "complete") return;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    screen?.off("resize", resize);
    input?.off("data", passOn).off("end", end).pause();
    // Nobody listens any more, also not for the error of a socket that is closed before it is open.
    socket.removeAllListeners().on("error", () => undefined);
    socket.close();
  }
}

/** The size of a terminal, within what the service takes. */
function sizeOf({ columns, rows }: WriteStream): { cols: number; rows: number } {
  const within = (cells: number) => Math.min(Math.max(cells, 1), 1_000);
  // A terminal that does not know its size says 0.
  return { cols: within(columns || 80), rows: within(rows || 24) };
}

function problemOf(text: string): ConstructorParameters<typeof DocleError>[1] {
  try {
    return JSON.parse(text) as ConstructorParameters<typeof DocleError>[1];
  } catch {
    return {};
  }
}

/** Messages in the order in which they came, and then why there are no more. */
class Inbox {
  readonly #messages: Message[] = [];
  #failure: { reason: unknown } | undefined;
  #wake: () => void = () => undefined;

  put(message: Message): void {
    this.#messages.push(message);
    this.#wake();
  }

  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#wake();
  }

  async take(): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#failure !== undefined) throw this.#failure.reason;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
