//! The corpus against jails made with the strongest means that the user of the tests has: as root, usually.

import { after } from "node:test";
import { attackWith } from "./corpus.ts";
import { themes } from "./themes/all.ts";
import { asOurselves } from "./tiers.ts";

const stage = await asOurselves();
after(() => stage.stop());

attackWith(themes, stage.runner);
