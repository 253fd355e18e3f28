//! Cells and contexts of a runner with the strongest means that the user of the tests has: as root, usually.

import { after } from "node:test";
import { asOurselves } from "../hostile/tiers.ts";
import { bashCells } from "./suites/bash-cells.ts";
import { contexts } from "./suites/contexts.ts";
import { nodeCells } from "./suites/node-cells.ts";
import { pythonCells } from "./suites/python-cells.ts";

const stage = await asOurselves();
after(() => stage.stop());

pythonCells(stage.runner);
nodeCells(stage.runner);
bashCells(stage.runner);
contexts(stage.runner);
