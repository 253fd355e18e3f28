//! A client that clients to a run through a WebSocket, as a browser would.

import { until } from "./until.ts";

/** An event of a run, or the error that ends the run. */
export interface Told {
  type: string;
  id?: string;
  data?: string;
  problem?: { code: string; errors?: { field: string }[] };
  [field: string]: unknown;
}

export class InteractiveClient {
  readonly told: Told[] = [];
  /** With which code the other side has closed. */
  closed: number | undefined;
  readonly #socket: WebSocket;

  /** Connects; what is said before the connection is there is said then. */
  constructor(url: string, key: string, headers: Record<string, string> = {}) {
    const protocols = ["docle", `docle.key.${key}`];
    this.#socket = new WebSocket(`${url.replace("http", "ws")}/api/run`, { protocols, headers } as unknown as string[]);
    this.#socket.addEventListener("message", ({ data }) => this.told.push(JSON.parse(data as string) as Told));
    this.#socket.addEventListener("close", ({ code }) => {
      this.closed = code;
    });
  }

  /** The protocol that was agreed on. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Sends a message: text as it is, anything else as JSON. */
  async say(message: unknown): Promise<void> {
    await until("a socket to open", () => this.#socket.readyState !== WebSocket.CONNECTING, 60);
    this.#socket.send(typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  /** Types something. */
  type(data: string): Promise<void> {
    return this.say({ type: "stdin", data });
  }

  /** Ends the standard input. */
  end(): Promise<void> {
    return this.say({ type: "stdin", end: true });
  }

  /** What the program has written to a stream so far. */
  text(stream = "stdout"): string {
    return this.told.filter(({ type }) => type === stream).map(({ data }) => data).join("");
  }

  /** Waits for output. */
  hears(text: string): Promise<void> {
    return until(`output ${JSON.stringify(text)} in ${JSON.stringify(this.told.slice(-3))}`, () => this.text().includes(text), 60);
  }

  /** The last thing that was told, when the other side has closed. */
  async over(): Promise<Told> {
    await until(`the end after ${JSON.stringify(this.told.slice(-3))}`, () => this.closed !== undefined, 60);
    return this.told.at(-1) ?? { type: "nothing" };
  }

  leave(): void {
    this.#socket.close();
  }
}
