//! `docle show`, `docle runs`, `docle cancel` and `docle languages`.

import { Docle, type StoredRun, type RunFilter } from "@doclehq/sdk";
import { accessOf, baseUrlOf } from "./config.ts";
import { Failure, USAGE } from "./failure.ts";
import type { CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";

/** How many runs are listed. */
const LISTED = 20;

/** Prints the result of a run when it has ended; the exit code is that of its program. */
export async function show(line: CommandLine): Promise<number> {
  const result = await client(line).runs.wait(idOf(line));
  await print(result, line);
  return result.exitCode;
}

/** Prints the last runs of the project, a line for each. */
export async function runs(line: CommandLine): Promise<number> {
  const output = new Output();
  const filter: RunFilter = { limit: LISTED, ...(line.values.lang ? { language: line.values.lang } : {}) };
  let left = LISTED;
  for await (const run of client(line).runs.list(filter)) {
    const words = [run.id, run.status, run.exit_code, `${run.execution_time_ms} ms`, run.language, run.created_at, JSON.stringify(run.code_snippet.split("\n")[0])];
    await output.stdout.write(line.values.json ? `${JSON.stringify(run)}\n` : `${words.join("\t")}\n`);
    left -= 1;
    if (left === 0) break;
  }
  return 0;
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
