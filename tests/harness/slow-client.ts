//! A client of an interactive run that reads only when it is told to. The `WebSocket` of Node always reads.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Told } from "./interactive-client.ts";

/** The length of a frame's content, and where that begins, see RFC 6455, section 5.2; `undefined` until the header is there. */
function header(bytes: Buffer): { begin: number; length: number } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const begin = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < begin) return undefined;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  return { begin, length };
}

export class SlowClient {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Starts a program, and reads nothing. */
  static async start(url: string, key: string, program: unknown): Promise<SlowClient> {
    // Without extensions: compressed, much output would fit into the buffers of the network.
    const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": Buffer.alloc(16).toString("base64"), authorization: `Bearer ${key}` };
    const asked = request(`${url}/api/run`, { headers });
    asked.end();
    const [response, socket] = (await once(asked, "upgrade")) as [IncomingMessage, Socket];
    assert.equal(response.statusCode, 101);
    socket.pause();
    const text = Buffer.from(JSON.stringify(program));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(text.length);
    // One whole text frame, with a mask that changes nothing.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | 126]), length, Buffer.alloc(4), text]));
    return new SlowClient(socket);
  }

  /** Reads all messages, up to the end of the run. */
  async *messages(): AsyncGenerator<Told> {
    let bytes = Buffer.alloc(0);
    for await (const chunk of this.#socket) {
      bytes = Buffer.concat([bytes, chunk as Buffer]);
      for (let frame = header(bytes); frame && bytes.length >= frame.begin + frame.length; frame = header(bytes)) {
        const content = bytes.subarray(frame.begin, frame.begin + frame.length);
        if (((bytes[0] ?? 0) & 0xf) !== 1) return;
        const message = JSON.parse(content.toString()) as Told;
        yield message;
        if (message.type === "complete" || message.type === "error") return;
        bytes = bytes.subarray(frame.begin + frame.length);
      }
    }
  }

  leave(): void {
    this.#socket.destroy();
  }
}
