//! The corpus against the image itself, in real containers with the platform's grants and with an engine's own.

import { after, describe } from "node:test";
import { BoxedRunner } from "../harness/contained-runner.ts";
import type { Grants } from "../harness/engine.ts";
import { attackWith } from "../hostile/corpus.ts";
import { themes } from "../hostile/themes/all.ts";

/** What must hold without namespaces, too, as it is written; docs/security.md says of the rest why it does not. */
const withoutNamespaces = themes.map((theme) => ({ ...theme, attacks: theme.attacks.filter((attack) => !attack.apart) }));

const tiers: [Grants, typeof themes][] = [
  ["default", withoutNamespaces],
  ["platform", themes],
];
for (const [grants, chosen] of tiers) {
  const runner = await BoxedRunner.start(grants);
  after(() => runner.stop());
  describe(`grants: ${grants}`, () => attackWith(chosen, runner));
}
