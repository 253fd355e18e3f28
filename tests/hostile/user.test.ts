//! The corpus against jails made by an ordinary user, from user namespaces.

import { after, test } from "node:test";
import { attackWith } from "./corpus.ts";
import { themes } from "./themes/all.ts";
import { asOrdinaryUser, whyNoOrdinaryUser } from "./tiers.ts";

const why = whyNoOrdinaryUser();
if (why) {
  test("as an ordinary user", { skip: why }, () => undefined);
} else {
  const stage = await asOrdinaryUser();
  after(() => stage.stop());
  attackWith(themes, stage.runner);
}
