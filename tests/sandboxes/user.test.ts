//! Persistent sandboxes of a runner that an ordinary user has started.

import { after, test } from "node:test";
import { asOrdinaryUser, whyNoOrdinaryUser } from "../hostile/tiers.ts";
import { suites } from "./suites/all.ts";

const why = whyNoOrdinaryUser();
if (why) {
  test("as an ordinary user", { skip: why }, () => undefined);
} else {
  const stage = await asOrdinaryUser();
  after(() => stage.stop());
  suites(stage.runner);
}
