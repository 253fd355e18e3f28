//! Terminals of a runner that an ordinary user has started.

import { forOrdinaryUser } from "../hostile/tiers.ts";
import { suite } from "./suite.ts";

await forOrdinaryUser(suite);
