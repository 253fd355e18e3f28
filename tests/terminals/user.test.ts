//! Terminals of a runner that an ordinary user has started.

import { after, test } from "node:test";
import { asOrdinaryUser, whyNoOrdinaryUser } from "../hostile/tiers.ts";
import { suite } from "./suite.ts";

const why = whyNoOrdinaryUser();
if (why) {
  test("as an ordinary user", { skip: why }, () => undefined);
} else {
  const stage = await asOrdinaryUser();
  after(() => stage.stop());
  suite(stage.runner);
}
