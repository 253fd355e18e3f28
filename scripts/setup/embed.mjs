//! The files of the embed frame and its loader, which the Worker serves: bundled from packages/embed.

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { esbuild, inRoot } from "./paths.mjs";
import { contentHash, step } from "./steps.mjs";

/** Where build.rs finds them. */
const target = inRoot("build", "embed");

/** Browsers from these on keep colours as they are written: `light-dark()` and `oklch()`. */
const BROWSERS = "chrome123,firefox120,safari17.5";

/** What the Worker is made of beside Rust. */
export const embedSources = ["packages/embed/src", "packages/sdk/src/embed.ts", "packages/embed/package.json", "scripts/setup/embed.mjs"];

/** Bundles the frame and the loader, each file named by its content. */
export async function buildEmbed() {
  await step({
    name: "Embed frame",
    stamp: contentHash(...embedSources, "package-lock.json"),
    made: [join(target, "manifest.json")],
    make: async (run) => {
      const stage = inRoot("target", "embed");
      rmSync(stage, { recursive: true, force: true });
      const source = inRoot("packages", "embed", "src");
      const options = ["--bundle", "--minify", "--charset=utf8", `--target=${BROWSERS}`, "--log-level=warning", "--legal-comments=none"];
      const names = ["--entry-names=[name]-[hash]", "--chunk-names=[name]-[hash]"];
      await run(esbuild, [join(source, "frame", "main.ts"), join(source, "frame", "frame.css"), "--format=esm", "--splitting", ...options, ...names, `--outdir=${stage}`]);
      await run(esbuild, [join(source, "script.ts"), "--format=iife", ...options, `--outfile=${join(stage, "embed.js")}`]);
      const page = readFileSync(join(source, "frame", "output.html"));
      const output = `output-${createHash("sha256").update(page).digest("hex").slice(0, 8)}.html`;
      writeFileSync(join(stage, output), page);
      const files = readdirSync(stage);
      const named = (/** @type {RegExp} */ pattern) => files.find((file) => pattern.test(file));
      const { version } = JSON.parse(readFileSync(inRoot("packages", "embed", "package.json"), "utf8"));
      const integrity = `sha384-${createHash("sha384").update(readFileSync(join(stage, "embed.js"))).digest("base64")}`;
      const manifest = { entry: named(/^main-.*\.js$/), style: named(/^frame-.*\.css$/), output, version, integrity };
      writeFileSync(join(stage, "manifest.json"), JSON.stringify(manifest, null, 2));
      rmSync(target, { recursive: true, force: true });
      mkdirSync(inRoot("build"), { recursive: true });
      renameSync(stage, target);
    },
  });
}
