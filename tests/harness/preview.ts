//! Visitors of exposed ports. Not every machine knows the names below `localhost`, so they call 127.0.0.1 and say the name.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** A request to an exposed port. */
export interface Visit {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

/** What a visitor got. */
export interface Visited {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
}

/** Begins a request to a URL, whose host may be any. */
function ask(url: string, { method = "GET", headers = {} }: Visit = {}): ClientRequest {
  const { host, port, pathname, search } = new URL(url);
  return request({ host: "127.0.0.1", port, method, path: `${pathname}${search}`, headers: { host, ...headers }, agent: false });
}

/** The answer as soon as it begins. */
export async function begin(url: string, visit: Visit = {}): Promise<IncomingMessage> {
  const asked = ask(url, visit);
  asked.end(visit.body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return response;
}

/** The whole answer. */
export async function visit(url: string, how: Visit = {}): Promise<Visited> {
  const response = await begin(url, how);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return { status: response.statusCode ?? 0, headers: response.headers, bytes, text: bytes.toString() };
}

/** What the other end of a WebSocket has sent. */
export type Frame = { kind: "text"; text: string } | { kind: "binary"; bytes: Buffer } | { kind: "close"; code: number; reason: string };

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;

/** A WebSocket to an exposed port that reads only when it is told to. */
export class PreviewSocket {
  readonly headers: IncomingHttpHeaders;
  readonly #socket: Socket;
  #bytes: Buffer;

  private constructor(response: IncomingMessage, socket: Socket, head: Buffer) {
    this.headers = response.headers;
    this.#socket = socket;
    this.#bytes = head;
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<PreviewSocket> {
    const handshake = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": Buffer.alloc(16).toString("base64") };
    const asked = ask(url, { headers: { ...handshake, ...headers } });
    asked.end();
    const [response, socket, head] = await Promise.race([
      once(asked, "upgrade") as Promise<[IncomingMessage, Socket, Buffer]>,
      once(asked, "response").then(([refused]) => assert.fail(`${(refused as IncomingMessage).statusCode}`)),
    ]);
    socket.pause();
    return new PreviewSocket(response, socket, head);
  }

  send(text: string | Buffer): void {
    this.#frame(typeof text === "string" ? TEXT : BINARY, Buffer.from(text));
  }

  close(code: number, reason = ""): void {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(code);
    this.#frame(CLOSE, Buffer.concat([head, Buffer.from(reason)]));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The next frame; `undefined` if the connection has ended without one. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#take();
      if (frame) return frame;
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk) this.#bytes = Buffer.concat([this.#bytes, chunk]);
      else if (this.#socket.readableEnded || this.#socket.destroyed) return undefined;
      else await this.#more();
    }
  }

  /** Resolves when there is something to read, or nothing will be. */
  async #more(): Promise<void> {
    const done = new AbortController();
    const either = ["readable", "close"].map((name) => once(this.#socket, name, { signal: done.signal }));
    await Promise.race(either).finally(() => done.abort());
  }

  /** One whole frame, with a mask that changes nothing. */
  #frame(kind: number, content: Buffer): void {
    const length = content.length < 126 ? Buffer.from([0x80 | content.length]) : Buffer.from([0x80 | 127, ...Buffer.alloc(8)]);
    if (content.length >= 126) length.writeBigUInt64BE(BigInt(content.length), 1);
    this.#socket.write(Buffer.concat([Buffer.from([0x80 | kind]), length, Buffer.alloc(4), content]));
  }

  #take(): Frame | undefined {
    const bytes = this.#bytes;
    const short = (bytes[1] ?? 0) & 0x7f;
    const begin = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < begin) return undefined;
    const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    if (bytes.length < begin + length) return undefined;
    const content = bytes.subarray(begin, begin + length);
    this.#bytes = bytes.subarray(begin + length);
    switch ((bytes[0] ?? 0) & 0xf) {
      case TEXT:
        return { kind: "text", text: content.toString() };
      case CLOSE:
        return { kind: "close", code: content.length >= 2 ? content.readUInt16BE(0) : 1005, reason: content.subarray(2).toString() };
      default:
        return { kind: "binary", bytes: content };
    }
  }
}
