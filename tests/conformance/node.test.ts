//! Node programs run the same whether their interpreter waited for them or was started for them.

import { after } from "node:test";
import { Runner } from "../harness/runner.ts";
import { conform } from "./compare.ts";
import { endings, errors } from "./node/ends.ts";
import { modules, source } from "./node/source.ts";
import { start } from "./node/start.ts";
import { processes, projects, streams } from "./node/work.ts";

const runner = await Runner.start();
after(() => runner.stop());

const themes = { start, source, modules, errors, endings, streams, processes, projects };
for (const [theme, programs] of Object.entries(themes)) conform(runner, "node", theme, programs);
