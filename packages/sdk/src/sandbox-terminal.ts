//! Terminals of a sandbox: shells that a person, or a program in their place, sits at.

import type { Connection } from "./call.ts";
import { DocleConnectionError } from "./errors.ts";
import type * as api from "./generated/api.ts";
import { query } from "./query.ts";

/** Who comes to a terminal. */
export interface TerminalOptions {
  /** The session whose terminal it is; `main`. */
  session?: string;
  cols?: number;
  rows?: number;
  /** `view` only watches. */
  mode?: "edit" | "view";
  /** What is written, in pieces of any length. */
  onData?: (bytes: Uint8Array) => void;
}

/** How the shell has ended: by itself, or by a signal. */
export type TerminalExit = Omit<Extract<api.TerminalMessage, { type: "exit" }>, "type">;

/** A connection to a terminal. */
export interface SandboxTerminal {
  /** Resolves when what was written before has been told. */
  readonly ready: Promise<void>;
  /** Resolves when the shell has ended, and to `undefined` when the connection has ended before that. */
  readonly exited: Promise<TerminalExit | undefined>;
  /** Types. */
  write(data: string | Uint8Array): void;
  resize(cols: number, rows: number): void;
  /** Leaves the terminal, which goes on. */
  close(): void;
}

/** Connects to a terminal. It needs `WebSocket`, which browsers and Node 22 have. */
export function connectTerminal(connection: Connection, sandbox: string, { onData, session = "main", ...size }: TerminalOptions): SandboxTerminal {
  const address = `${connection.baseUrl}${sandbox}/terminal?${query({ session, ...size })}`.replace(/^http/, "ws");
  // A page can set no header of the handshake.
  const socket = new WebSocket(address, connection.apiKey === undefined ? ["docle"] : ["docle", `docle.key.${connection.apiKey}`]);
  socket.binaryType = "arraybuffer";
  const opened = new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new DocleConnectionError(new Error("The terminal does not open."))));
  });
  let exit: TerminalExit | undefined;
  const exited = new Promise<TerminalExit | undefined>((resolve) => socket.addEventListener("close", () => resolve(exit)));
  const ready = new Promise<void>((resolve, reject) => {
    opened.catch(reject);
    socket.addEventListener("close", () => reject(new DocleConnectionError(new Error("The terminal has ended."))));
    socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) return onData?.(new Uint8Array(data));
      const message = JSON.parse(String(data)) as api.TerminalMessage;
      if (message.type === "ready") resolve();
      if (message.type === "exit") exit = { code: message.code, signal: message.signal };
    });
  });
  // Who does not wait for it learns of a failure by the end.
  ready.catch(() => undefined);
  const send = (data: string | Uint8Array<ArrayBuffer>) => void opened.then(() => socket.send(data), () => undefined);
  return {
    ready,
    exited,
    write: (data) => send(typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data)),
    resize: (cols, rows) => send(JSON.stringify({ type: "resize", cols, rows })),
    close: () => socket.close(1000),
  };
}
