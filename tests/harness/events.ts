//! Server-sent events as a client reads them.

/** One event: its name and its JSON. */
export interface RunEvent {
  event: string;
  data: Record<string, unknown> & { type: string };
}

/** Reads events from a response as they arrive; comments (heartbeats) are skipped. */
export async function* readEvents(response: Response): AsyncGenerator<RunEvent> {
  if (!response.body) throw new Error("the response has no body");
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n").filter((line) => !line.startsWith(":"));
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) yield { event: field("event") ?? "message", data: JSON.parse(data) as RunEvent["data"] };
    }
  }
  if (rest !== "") throw new Error(`the stream ends inside an event: ${JSON.stringify(rest)}`);
}
