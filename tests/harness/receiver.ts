//! A receiver of webhooks on this machine, which keeps what it gets and answers as a test says.

import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A request that arrived. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What the receiver answers: a status, a status with headers, or nothing ever. */
export type Reply = number | { status: number; headers: Record<string, string> } | "silence";

export class Receiver {
  readonly received: Received[] = [];
  /** The next answers, in order; later ones are 204. */
  readonly replies: Reply[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const body = await text(request);
      this.received.push({ path: request.url ?? "", headers: request.headers, body });
      const reply = this.replies.shift() ?? 204;
      if (reply === "silence") return;
      const { status, headers } = typeof reply === "number" ? { status: reply, headers: {} } : reply;
      response.writeHead(status, headers).end();
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  /** The address of a path. */
  url(path = "/"): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** What arrived at a path. */
  at(path: string): Received[] {
    return this.received.filter((one) => one.path === path);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
