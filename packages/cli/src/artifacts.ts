//! Files that a run hands back.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { RunResult } from "@doclehq/sdk";
import { say } from "./output.ts";

/** The content behind a link; undefined where it is gone. */
async function fetched(url: string): Promise<Buffer | undefined> {
  const answer = await fetch(url).catch(() => undefined);
  return answer?.ok ? Buffer.from(await answer.arrayBuffer()) : undefined;
}

/** Writes the files of a result below a folder. A name that would lead out of it is refused. */
export async function saveArtifacts(result: RunResult, folder: string): Promise<void> {
  const root = resolve(folder);
  for (const { name, base64, url, error } of result.artifacts ?? []) {
    const file = resolve(root, name);
    const content = base64 === undefined ? url && (await fetched(url)) : Buffer.from(base64, "base64");
    if (!file.startsWith(root.endsWith(sep) ? root : root + sep)) say(`the file ${JSON.stringify(name)} is not saved: its name leads out of the folder.`);
    else if (!content) say(`the file ${JSON.stringify(name)} is not saved: ${error ?? "its content is missing"}.`);
    else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      say(`saved ${join(folder, name)}`);
    }
  }
  if (result.artifactsOmitted) say(`${result.artifactsOmitted} further files match and are not saved.`);
}
