//! Terminals of a runner with the strongest means that the user of the tests has: as root, usually.

import { after } from "node:test";
import { asOurselves } from "../hostile/tiers.ts";
import { suite } from "./suite.ts";

const stage = await asOurselves();
after(() => stage.stop());

suite(stage.runner);
