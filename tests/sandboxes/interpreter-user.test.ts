//! Cells and contexts of a runner that an ordinary user has started.

import { after, test } from "node:test";
import { asOrdinaryUser, whyNoOrdinaryUser } from "../hostile/tiers.ts";
import { contexts } from "./suites/contexts.ts";
import { nodeCells } from "./suites/node-cells.ts";
import { pythonCells } from "./suites/python-cells.ts";

const why = whyNoOrdinaryUser();
if (why) {
  test("as an ordinary user", { skip: why }, () => undefined);
} else {
  const stage = await asOrdinaryUser();
  after(() => stage.stop());
  pythonCells(stage.runner);
  nodeCells(stage.runner);
  contexts(stage.runner);
}
