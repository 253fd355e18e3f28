//! A run over a WebSocket: what is typed goes to the program while it runs.

import { DocleConnectionError, DocleError } from "@doclehq/sdk";
import type { Problem, Schemas } from "../../api/client.ts";

/** What happens in a run. */
export type SocketEvent =
  | { type: "start"; id: string }
  | { type: "fetch" | "install" | "compile" }
  | { type: "stdout" | "stderr"; data: string }
  | ({ type: "complete" } & Schemas["RunResult"]);

/** The socket did not open: a proxy between refuses it, or the service does, and a browser does not tell which. */
export class NotOpened extends Error {}

/** A run that takes input. */
export interface SocketRun {
  /** What happens, to the end. Throws where the run is refused, or the connection breaks. */
  events: AsyncIterable<SocketEvent>;
  /** Types into the program. */
  type: (text: string) => void;
  /** Ends its input; at a terminal, types Ctrl-D. */
  end: () => void;
  /** Tells the size of the terminal. */
  resize: (cols: number, rows: number) => void;
}

type Message = SocketEvent | { type: "error"; problem: Partial<Problem> & { status?: number } };

/** Starts a run with a run token. Aborting the signal ends it. */
export function socketRun(token: string, request: object, signal: AbortSignal): SocketRun {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/run`, ["docle", `docle.key.${token}`]);
  const waiting: (Message | Error)[] = [];
  let wake = () => {};
  const put = (one: Message | Error) => {
    waiting.push(one);
    wake();
  };
  let isOpen = false;
  socket.addEventListener("open", () => {
    isOpen = true;
    socket.send(JSON.stringify(request));
  });
  socket.addEventListener("message", ({ data }) => put(JSON.parse(data as string) as Message));
  socket.addEventListener("close", () => put(isOpen ? new DocleConnectionError(new Error("The socket closed before the run ended.")) : new NotOpened()));
  signal.addEventListener("abort", () => socket.close());
  const send = (message: object) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));

  async function* events(): AsyncGenerator<SocketEvent> {
    try {
      for (;;) {
        while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const next = waiting.shift();
        if (next instanceof Error) throw next;
        if (next?.type === "error") throw new DocleError(next.problem.status ?? 500, next.problem, new Headers());
        if (next !== undefined) yield next;
        if (next?.type === "complete") return;
      }
    } finally {
      socket.close();
    }
  }
  return { events: events(), type: (data) => void send({ type: "stdin", data }), end: () => void send({ type: "stdin", end: true }), resize: (cols, rows) => void send({ type: "resize", cols, rows }) };
}
