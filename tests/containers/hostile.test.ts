//! The corpus against the image itself, in real containers with the platform's grants and with an engine's own.

import { after, describe } from "node:test";
import { BoxedRunner } from "../harness/boxed.ts";
import type { Grants } from "../harness/engine.ts";
import { attackWith } from "../hostile/corpus.ts";
import { themes } from "../hostile/themes/all.ts";

/**
 * What must hold without namespaces, too, as it is written. The other themes are about limits that the kernel holds, about
 * runs at the same time, and about what is in sight: memory and disk are watched there, one program runs at a time, and
 * processes of the container can be seen. docs/security.md says so.
 */
const WITHOUT_NAMESPACES = ["survivors", "time", "output", "kernel surface"];

const tiers: [Grants, typeof themes][] = [
  ["default", themes.filter(({ name }) => WITHOUT_NAMESPACES.includes(name))],
  ["platform", themes],
];
for (const [grants, chosen] of tiers) {
  const runner = await BoxedRunner.start(grants);
  after(() => runner.stop());
  describe(`grants: ${grants}`, () => attackWith(chosen, runner));
}
