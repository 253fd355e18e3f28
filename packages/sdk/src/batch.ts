//! The runs of a batch as they end.

import { limited, send, type CallOptions, type Connection } from "./call.ts";
import { DocleConnectionError } from "./errors.ts";
import type { BatchRun } from "./generated/api.ts";
import { dataOf } from "./stream.ts";

/** The runs of a batch, each as it ends. A batch is not repeated when its connection breaks, because its runs would be others. */
export async function* events(connection: Connection, path: string, body: unknown, options: CallOptions): AsyncGenerator<BatchRun, void, undefined> {
  const { signal, release } = limited(connection, options);
  try {
    const response = await send(connection, path, { method: "POST", body, accept: "text/event-stream", ...options }, signal);
    for await (const event of dataOf<{ type: "complete" } | ({ type: "run" } & BatchRun)>(response)) {
      if (event.type === "complete") return;
      const { type, ...run } = event;
      // A service that is newer than this package may tell more.
      if (type === "run") yield run;
    }
    throw new DocleConnectionError(new Error("The stream ended before the batch did."));
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    release();
  }
}
