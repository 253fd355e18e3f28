//! The corpus against jails made by an ordinary user, from user namespaces.

import { attackWith } from "./corpus.ts";
import { themes } from "./themes/all.ts";
import { forOrdinaryUser } from "./tiers.ts";

await forOrdinaryUser((runner) => attackWith(themes, runner));
