//! Cells and contexts of a runner that an ordinary user has started.

import { forOrdinaryUser } from "../hostile/tiers.ts";
import { bashCells } from "./suites/bash-cells.ts";
import { contexts } from "./suites/contexts.ts";
import { nodeCells } from "./suites/node-cells.ts";
import { pythonCells } from "./suites/python-cells.ts";

await forOrdinaryUser((runner) => {
  pythonCells(runner);
  nodeCells(runner);
  bashCells(runner);
  contexts(runner);
});
