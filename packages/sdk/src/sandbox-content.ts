//! Content of a sandbox that is no JSON: files and archives.

import { limited, send, type CallOptions, type Connection } from "./call.ts";

/** A response whose body has not been read, and what ends the time of the call. */
export interface Download {
  response: Response;
  release: () => void;
}

export async function download(connection: Connection, path: string, options: CallOptions = {}): Promise<Download> {
  const { signal, release } = limited(connection, options);
  const response = await send(connection, path, { accept: "*/*", ...options }, signal).catch((error: unknown) => {
    release();
    throw error;
  });
  return { response, release };
}

/** The body as it comes. The time of the call ends with its response; the caller reads as slowly as it likes. */
export async function streamOf(downloading: Promise<Download>): Promise<ReadableStream<Uint8Array>> {
  const { response, release } = await downloading;
  release();
  return response.body ?? new ReadableStream<Uint8Array>();
}
