//! `docle show`, `docle cancel` and `docle languages`.

import { Docle, type StoredRun } from "@doclehq/sdk";
import { accessOf, baseUrlOf } from "./config.ts";
import { Failure, USAGE } from "./failure.ts";
import type { CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";

/** Prints the result of a run; the exit code is that of its program. */
export async function show(line: CommandLine): Promise<number> {
  const id = idOf(line);
  const result = await client(line).runs.get(id);
  if (!("exitCode" in result)) throw new Failure(`The run ${id} has not ended: it is ${result.status}. Ask again later, or end it with \`docle cancel ${id}\`.`);
  await print(result, line);
  return result.exitCode;
}

/** Ends a run. */
export async function cancel(line: CommandLine): Promise<number> {
  const result = await client(line).runs.cancel(idOf(line));
  await print(result, line);
  return 0;
}

/** Prints what the service runs, a line for each language. */
export async function languages({ values }: CommandLine): Promise<number> {
  const found = await new Docle({ apiKey: "", baseUrl: baseUrlOf(values["base-url"]) }).languages();
  const lines = found.languages.map(({ id, name, tier, versions }) => [id, name, tier, Object.entries(versions).map(([part, version]) => `${part} ${version}`).join(", ")].join("\t"));
  await new Output().stdout.write(values.json ? `${JSON.stringify(found)}\n` : lines.map((line) => `${line}\n`).join(""));
  return 0;
}

const client = ({ values }: CommandLine) => new Docle(accessOf(values["base-url"]));

function idOf({ command, operands: [id] }: CommandLine): string {
  if (id === undefined) throw new Failure(`Say which run: docle ${command} <run>`, USAGE);
  return id;
}

async function print(result: StoredRun, { values }: CommandLine): Promise<void> {
  const output = new Output();
  if (values.json) return output.stdout.write(`${JSON.stringify(result)}\n`);
  await output.stdout.write(result.stdout);
  await output.stderr.write(result.stderr);
  say(`${result.id}: ${result.status}, exit code ${result.exitCode}, ${Math.round(result.usage.durationMs)} ms, ${result.createdAt}`);
}
