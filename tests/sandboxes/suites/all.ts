//! What every tier of sandboxes must do.

import type { Runner } from "../../harness/runner.ts";
import { archive } from "./archive.ts";
import { commands } from "./commands.ts";
import { files } from "./files.ts";
import { lifetime } from "./lifetime.ts";
import { ports } from "./ports.ts";
import { processes } from "./processes.ts";
import { terminals } from "./terminals.ts";
import { trees } from "./trees.ts";
import { sessions } from "./sessions.ts";
import { walls } from "./walls.ts";

export function suites(runner: Runner): void {
  lifetime(runner);
  commands(runner);
  processes(runner);
  ports(runner);
  sessions(runner);
  files(runner);
  archive(runner);
  terminals(runner);
  trees(runner);
  walls(runner);
}
