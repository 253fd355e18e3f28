//! In the image, too, programs run the same whether their interpreter waited for them or was started for them.

import { after, describe, test } from "node:test";
import { conform, type Program } from "../conformance/compare.ts";
import { themes as node } from "../conformance/node/all.ts";
import { themes as python } from "../conformance/python/all.ts";
import { BoxedRunner } from "../harness/contained-runner.ts";
import type { Grants } from "../harness/engine.ts";
import type { Language } from "../harness/jobs.ts";
import { until } from "../harness/until.ts";

const languages: Record<Language, Record<string, Program[]>> = { python, node };

for (const grants of ["platform", "default"] satisfies Grants[]) {
  const runner = await BoxedRunner.start(grants);
  after(() => runner.stop());
  for (const language of ["python", "node"] as const) {
    describe(`grants: ${grants}; ${language}`, () => {
      const namespaces = grants === "platform";
      for (const [theme, programs] of Object.entries(languages[language])) conform(runner, language, theme, programs, { namespaces });
      test("interpreters wait there", () => until("one that waits", async () => ((await runner.health()).ready[language] ?? 0) > 0));
    });
  }
}
