//! Node programs run the same whether their interpreter waited for them or was started for them.

import { after } from "node:test";
import { Runner } from "../harness/runner.ts";
import { conform } from "./compare.ts";
import { themes } from "./node/all.ts";

const runner = await Runner.start();
after(() => runner.stop());

for (const [theme, programs] of Object.entries(themes)) conform(runner, "node", theme, programs);
