//! A run as a stream of events, which goes on after the connection broke.

import { limited, send, sendForJson, type Call, type CallOptions, type Connection } from "./call.ts";
import { DocleConnectionError } from "./errors.ts";
import type { Artifact, RunResult } from "./generated/api.ts";

/** What happens while a program runs: `start`, `fetch`, `install` and `compile` where these take time, output as it is written, `artifact` for each file that it hands back, and exactly one `complete`. */
export type RunStreamEvent =
  | { type: "start"; id: string; createdAt: string }
  | { type: "fetch" | "install" | "compile" }
  | { type: "stdout" | "stderr"; data: string }
  | ({ type: "artifact" } & Artifact)
  | ({ type: "complete" } & RunResult);

/** The path of runs at the service. */
export const RUNS = "/api/run";

/**
 * The events of a run. Leaving them ends the run. If the connection breaks, the call is repeated with the same idempotency key, which answers with the
 * same run, and what has been seen is left out. Without such a key it is not repeated.
 */
export async function* stream(connection: Connection, path: string, body: unknown, options: CallOptions): AsyncGenerator<RunStreamEvent, void, undefined> {
  const call: Call = { method: "POST", body, accept: "text/event-stream, application/json;q=0.5", ...options };
  const { signal, release } = limited(connection, options);
  let left = call.idempotencyKey === undefined ? 0 : (options.retries ?? connection.retries);
  let id: string | undefined;
  let hasEnded = false;
  const seen = { stdout: 0, stderr: 0 };
  /** Stages, and links of files, that were yielded. A stream that is taken up again tells them again. */
  const told = new Set<string>();
  try {
    while (!(yield* once())) left -= 1;
  } finally {
    release();
    // A run with an idempotency key goes on without its client, unless it is told to end. Nobody waits for the answer.
    if (id !== undefined && !hasEnded && path === RUNS) sendForJson(connection, `${RUNS}/${id}`, { method: "DELETE" }).catch(() => undefined);
  }

  /** Reads the stream until it ends; answers whether the run has. */
  async function* once(): AsyncGenerator<RunStreamEvent, boolean, undefined> {
    const at = { stdout: 0, stderr: 0 };
    try {
      for await (const event of eventsOf(await send(connection, path, call, signal))) {
        if (event.type === "stdout" || event.type === "stderr") {
          const begin = at[event.type];
          at[event.type] += event.data.length;
          const data = event.data.slice(Math.max(0, seen[event.type] - begin));
          if (at[event.type] > seen[event.type]) {
            seen[event.type] = at[event.type];
            yield { ...event, data };
          }
        } else if (event.type === "start") {
          if (id === undefined) {
            id = event.id;
            yield event;
          }
        } else if (event.type === "fetch" || event.type === "install" || event.type === "compile" || event.type === "artifact") {
          const name = event.type === "artifact" ? `${event.url}` : event.type;
          if (!told.has(name)) yield event;
          told.add(name);
        } else if (event.type === "complete") {
          hasEnded = true;
          yield event;
          return true;
        }
        // A service that is newer than this package may tell more.
      }
      throw new DocleConnectionError(new Error("The stream ended before the run did."));
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!(error instanceof DocleConnectionError) || left <= 0) throw error;
      return false;
    }
  }
}

/** The events of a response. Leaving the loop ends the connection. */
export async function* eventsOf(response: Response): AsyncGenerator<RunStreamEvent, void, undefined> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return yield* eventsOfResult(response);
  yield* dataOf<RunStreamEvent>(response);
}

/** The data of server-sent events, each after its id. Leaving the loop ends the connection. */
export async function* dataOf<T>(response: Response, onId: (id: string) => void = () => undefined): AsyncGenerator<T, void, undefined> {
  const reader = (response.body ?? new ReadableStream<Uint8Array>()).pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw new DocleConnectionError(error);
      });
      if (done) return;
      const lines = (text + value).split("\n");
      text = lines.pop() ?? "";
      // Each event of the service is one line of data.
      for (const line of lines) {
        if (line.startsWith("id:")) onId(line.slice(3).trim());
        if (line.startsWith("data:")) yield JSON.parse(line.slice(5)) as T;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** A route of one's own may wait for the result and answer with it: then the output comes at once. */
async function* eventsOfResult(response: Response): AsyncGenerator<RunStreamEvent, void, undefined> {
  const result = await response.json().catch((error: unknown) => {
    throw new DocleConnectionError(error);
  }) as RunResult;
  if (result.stdout) yield { type: "stdout", data: result.stdout };
  if (result.stderr) yield { type: "stderr", data: result.stderr };
  yield { type: "complete", ...result };
}
