//! `docle logs`: the output of a run, also while it goes on.

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { accessOf } from "./config.ts";
import { Failure, USAGE } from "./failure.ts";
import type { CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";
import { runs } from "./results.ts";
import { problemOf } from "./service.ts";

/** An event of a run, as far as it is printed. */
type Event = { type: "stdout" | "stderr"; data: string } | { type: "complete"; status: string; exitCode: number } | { type: "other" };

/** Prints what a run has written and goes on until it ends; without a run, the last runs. */
export async function logs(line: CommandLine): Promise<number> {
  const [id, ...more] = line.operands;
  if (id === undefined) return runs(line);
  if (more.length > 0) throw new Failure("Say one run: docle logs <run>", USAGE);
  const { apiKey, baseUrl } = accessOf(line.values["base-url"]);
  const headers = { authorization: `Bearer ${apiKey}`, accept: "text/event-stream" };
  const response = await fetch(`${baseUrl}/api/run/${encodeURIComponent(id)}`, { headers });
  if (!response.ok || response.body === null) throw problemOf(response.status, await response.text());
  const output = new Output();
  for await (const event of events(response.body)) {
    if (event.type === "stdout" || event.type === "stderr") await output[event.type].write(event.data);
    if (event.type === "complete") {
      say(`${id}: ${event.status}, exit code ${event.exitCode}`);
      return event.exitCode;
    }
  }
  throw new Failure("The connection ended before the run did. `docle logs` again shows it from its beginning.");
}

/** The events of a stream: lines of `event:` and `data:`, and an empty line after each. */
async function* events(body: NonNullable<Response["body"]>): AsyncGenerator<Event> {
  let [type, data] = ["", ""];
  for await (const line of createInterface({ input: Readable.fromWeb(body as never), crlfDelay: Infinity })) {
    if (line.startsWith("event:")) type = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5).trim();
    else if (line === "" && type !== "") {
      yield eventOf(type, data);
      [type, data] = ["", ""];
    }
  }
}

function eventOf(type: string, data: string): Event {
  if (type === "stdout" || type === "stderr") return { type, data: (JSON.parse(data) as { data: string }).data };
  if (type === "complete") return { ...(JSON.parse(data) as { status: string; exitCode: number }), type };
  return { type: "other" };
}
