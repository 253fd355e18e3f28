//! HTTP over kept connections. Node's own fetch takes longer than some of what is measured here.

import { Agent, request, type ClientRequestArgs } from "node:http";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";

/** An answer with all of its body. */
export interface Answer {
  status: number;
  text: string;
  /** Milliseconds until `awaited` was in the body; 0 where it never was. */
  firstMs: number;
}

const agent = new Agent({ keepAlive: true });

/** Connections that go the runtime's way into a container: to the port that the engine publishes, and on by its side-car. */
export class IntoContainer extends Agent {
  readonly #port: number;

  constructor(port: number) {
    super({ keepAlive: true });
    this.#port = port;
  }

  override createConnection(_: ClientRequestArgs, opened?: (error: Error | null, stream: Duplex) => void): undefined {
    const socket = connect(this.#port, "127.0.0.1").setNoDelay(true);
    socket.write("CONNECT runner HTTP/1.1\r\nHost: runner\r\nX-Dst-Addr: 127.0.0.1:8000\r\n\r\n");
    socket.once("data", () => opened?.(null, socket)).once("error", (error) => opened?.(error, socket));
  }
}

/** Calls with the method that `body`, or its absence, means. */
export function call(url: string, headers: Record<string, string>, body?: string, awaited = "", by = agent): Promise<Answer> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: by, method: body === undefined ? "GET" : "POST", headers }, (response) => {
      let [text, firstMs] = ["", 0];
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        if (firstMs === 0 && text.includes(awaited)) firstMs = performance.now() - begun;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text, firstMs }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Posts JSON with a key or a runner's secret. */
export function post(url: string, key: string, body: unknown, headers: Record<string, string> = {}, awaited?: string, by?: Agent): Promise<Answer> {
  return call(url, { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers }, JSON.stringify(body), awaited, by);
}

/** The text of an answer; throws where it is none. */
export async function textOf(answer: Promise<Answer>): Promise<string> {
  const { status, text } = await answer;
  if (status !== 200) throw new Error(`a call was answered ${status}: ${text}`);
  return text;
}

/** Ends the connections that wait for a next call. */
export const hangUp = () => agent.destroy();
