//! Hostile cells of a runner with the strongest means that the user of the tests has.

import { after } from "node:test";
import { asOurselves } from "../hostile/tiers.ts";
import { hostileCells } from "./suites/hostile-cells.ts";

const stage = await asOurselves();
after(() => stage.stop());

hostileCells(stage.runner);
