//! What each package may weigh: minified and compressed, as a page or a Worker has it, without the framework that it is for.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Installed } from "./packed.ts";

/** What is imported, and how many bytes it may have. */
export interface Budget {
  /** The package. */
  name: string;
  what: string;
  code: string;
  bytes: number;
}

export const BUDGETS: Budget[] = [
  { name: "sdk", what: "everything of the root entry", code: 'export * from "@doclehq/sdk"', bytes: 5_000 },
  { name: "sdk", what: "`runSandbox` alone", code: 'export { runSandbox } from "@doclehq/sdk"', bytes: 2_500 },
  { name: "sdk", what: "the entry `/sandboxes`", code: 'export * from "@doclehq/sdk/sandboxes"', bytes: 6_000 },
  { name: "sdk", what: "the entry `/embed`", code: 'export * from "@doclehq/sdk/embed"', bytes: 3_000 },
  { name: "sdk", what: "the entry `/webhooks`", code: 'export * from "@doclehq/sdk/webhooks"', bytes: 1_000 },
  { name: "react", what: "`useDocle` alone, with the SDK", code: 'export { useDocle } from "@doclehq/react"', bytes: 4_000 },
  { name: "react", what: "everything, with the SDK", code: 'export * from "@doclehq/react"', bytes: 6_500 },
  { name: "vue", what: "`useDocle` alone, with the SDK", code: 'export { useDocle } from "@doclehq/vue"', bytes: 4_000 },
  { name: "vue", what: "everything, with the SDK", code: 'export * from "@doclehq/vue"', bytes: 6_500 },
  { name: "embed", what: "everything, in a bundle", code: 'export * from "@doclehq/embed"', bytes: 3_200 },
  { name: "embed", what: "`dist/embed.js`, the script of a page", code: "dist/embed.js", bytes: 3_000 },
  { name: "rate-limit", what: "everything", code: 'export * from "@doclehq/rate-limit"', bytes: 3_000 },
  { name: "sandbox", what: "everything, with the SDK", code: 'export * from "@doclehq/sandbox"', bytes: 12_000 },
];

/** The bytes of what a budget is about; the packages are installed beside each other in a folder. */
export async function weigh({ code }: Budget, { folder, package: home }: Installed): Promise<number> {
  if (code.startsWith("dist/")) return gzipSync(readFileSync(join(home, code))).length;
  const external = ["react", "vue", "cloudflare:workers"];
  const { outputFiles } = await build({ stdin: { contents: code, resolveDir: folder }, bundle: true, minify: true, format: "esm", target: "es2022", write: false, external });
  return gzipSync(outputFiles[0]?.contents ?? "").length;
}
