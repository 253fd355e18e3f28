//! HTTP over kept connections. Node's own fetch takes longer than some of what is measured here.

import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";

/** An answer with all of its body. */
export interface Answer {
  status: number;
  text: string;
  /** Milliseconds until `awaited` was in the body; 0 where it never was. */
  firstMs: number;
}

const agent = new Agent({ keepAlive: true });

/** Calls with the method that `body`, or its absence, means. */
export function call(url: string, headers: Record<string, string>, body?: string, awaited = ""): Promise<Answer> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: body === undefined ? "GET" : "POST", headers }, (response) => {
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
export function post(url: string, key: string, body: unknown, headers: Record<string, string> = {}, awaited?: string): Promise<Answer> {
  return call(url, { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers }, JSON.stringify(body), awaited);
}

/** The text of an answer; throws where it is none. */
export async function textOf(answer: Promise<Answer>): Promise<string> {
  const { status, text } = await answer;
  if (status !== 200) throw new Error(`a call was answered ${status}: ${text}`);
  return text;
}

/** Ends the connections that wait for a next call. */
export const hangUp = () => agent.destroy();
