//! All Node programs whose results must not depend on how their interpreter was started, by theme.

import type { Program } from "../compare.ts";
import { endings, errors } from "./ends.ts";
import { modules, source } from "./source.ts";
import { start } from "./start.ts";
import { processes, projects, streams } from "./work.ts";

export const themes: Record<string, Program[]> = { start, source, modules, errors, endings, streams, processes, projects };
