//! Persistent sandboxes of a runner that an ordinary user has started.

import { forOrdinaryUser } from "../hostile/tiers.ts";
import { suites } from "./suites/all.ts";

await forOrdinaryUser(suites);
