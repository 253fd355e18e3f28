//! Files that a run hands back.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { RunResult } from "@doclehq/sdk";
import { say } from "./output.ts";

/** Writes the files of a result below a folder. A name that would lead out of it is refused. */
export function saveArtifacts(result: RunResult, folder: string): void {
  const root = resolve(folder);
  for (const { name, base64, error } of result.artifacts ?? []) {
    const file = resolve(root, name);
    if (!file.startsWith(root.endsWith(sep) ? root : root + sep)) say(`the file ${JSON.stringify(name)} is not saved: its name leads out of the folder.`);
    else if (base64 === undefined) say(`the file ${JSON.stringify(name)} is not saved: ${error ?? "its content is missing"}.`);
    else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, Buffer.from(base64, "base64"));
      say(`saved ${join(folder, name)}`);
    }
  }
  if (result.artifactsOmitted) say(`${result.artifactsOmitted} further files match and are not saved.`);
}
