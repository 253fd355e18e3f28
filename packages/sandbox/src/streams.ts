//! Server-sent events as async iterables, and back.

/** The JSON of each event of a stream. Leaving the loop cancels the stream. */
export async function* parseSSEStream<T>(stream: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
  signal?.throwIfAborted();
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const abort = () => void reader.cancel(signal?.reason).catch(() => undefined);
  signal?.addEventListener("abort", abort, { once: true });
  let text = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      text += done ? `${decoder.decode()}\n\n` : decoder.decode(value, { stream: true });
      // A line may end with CR LF, and a piece between the two.
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        if (line !== "" || data.length === 0) continue;
        const event = data.join("\n");
        data = [];
        if (event !== "[DONE]") yield JSON.parse(event) as T;
      }
      if (done) return;
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    await reader.cancel().catch(() => undefined);
  }
}

/** The events of a response. */
export async function* responseToAsyncIterable<T>(response: Response, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
  if (!response.ok) throw new Error(`The response is no stream of events: ${response.status} ${await response.text()}`);
  if (response.body === null) throw new Error("The response has no body.");
  yield* parseSSEStream<T>(response.body, signal);
}

/** What a stream of events may be told. */
export interface StreamOptions<T> {
  signal?: AbortSignal;
  serialize?: (event: T) => string;
}

/** A stream of events, one for each value. Cancelling it leaves the iterable. */
export function asyncIterableToSSEStream<T>(events: AsyncIterable<T>, options: StreamOptions<T> = {}): ReadableStream<Uint8Array> {
  return streamFrom(events, options, () => undefined);
}

/** The same of a call, which ends with the stream, also while it waits. */
export function streamOf<T>(call: (signal: AbortSignal) => AsyncIterable<T>, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  const left = new AbortController();
  return streamFrom(call(signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])), {}, (reason) => left.abort(reason));
}

function streamFrom<T>(events: AsyncIterable<T>, { signal, serialize = JSON.stringify }: StreamOptions<T>, cancelled: (reason: unknown) => void): ReadableStream<Uint8Array> {
  const iterator = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      try {
        signal?.throwIfAborted();
        const { done, value } = await iterator.next();
        if (done) return controller.close();
        const lines = serialize(value).split("\n").map((line) => `data: ${line}\n`);
        controller.enqueue(encoder.encode(`${lines.join("")}\n`));
      } catch (error) {
        controller.error(error);
      }
    },
    cancel(reason) {
      cancelled(reason);
      // An iterable that waits for its next value leaves only then, so nothing waits for it here.
      iterator.return?.().catch(() => undefined);
    },
  };
  // Nothing is read ahead of the reader.
  return new ReadableStream(source, { highWaterMark: 0 });
}
