//! Python programs run the same whether their interpreter waited for them or was started for them.

import { after } from "node:test";
import { Runner } from "../harness/runner.ts";
import { conform } from "./compare.ts";
import { endings } from "./python/ends.ts";
import { errors } from "./python/errors.ts";
import { source } from "./python/source.ts";
import { start } from "./python/start.ts";
import { processes, projects, streams } from "./python/work.ts";

const runner = await Runner.start();
after(() => runner.stop());

const themes = { start, source, errors, endings, streams, processes, projects };
for (const [theme, programs] of Object.entries(themes)) conform(runner, "python", theme, programs);
