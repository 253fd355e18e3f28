//! The files of the website: built from web/ by Vite, its documentation from docs/, and served as static assets of the Worker.

import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installSitePackages } from "./packages.mjs";
import { inRoot, node, site } from "./paths.mjs";
import { contentHash, step } from "./steps.mjs";

/** What the site is made of. */
const SOURCES = ["web/src", "web/docs", "web/index.html", "web/docs.html", "docs", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "packages/sdk/README.md", "packages/embed/README.md", "packages/react/README.md", "packages/vue/README.md", "packages/python/README.md", "packages/cli/README.md", "packages/rate-limit/README.md", "packages/sandbox/README.md", "web/vite.config.ts", "web/types.mjs", "web/package-lock.json", "packages/sdk/src", "packages/embed/src/frame", "crates/api/openapi.json", "scripts/setup/web.mjs"];

/** Files of hashed names never change; everything else passes through the Worker. */
const HEADERS = "/assets/*\n  Cache-Control: public, max-age=31536000, immutable\n  X-Content-Type-Options: nosniff\n";

/** Builds the site. Where its packages cannot be had, a sentence says so, and the API works without it. */
export async function buildSite() {
  try {
    await installSitePackages();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`The website is not there, because its packages could not be installed; the API works without it. ${reason}\n`);
    // wrangler wants the folder of the assets, even an empty one.
    mkdirSync(site, { recursive: true });
    return;
  }
  await step({
    name: "Website",
    stamp: contentHash(...SOURCES),
    made: [join(site, "index.html")],
    make: async (run) => {
      const stage = inRoot("target", "web");
      rmSync(stage, { recursive: true, force: true });
      await run(node, [inRoot("web", "types.mjs")]);
      const vite = inRoot("web", "node_modules", "vite", "bin", "vite.js");
      await run(node, [vite, "build", "--logLevel", "warn", "--outDir", stage, "--emptyOutDir"], { cwd: inRoot("web") });
      await run(node, [inRoot("web", "docs", "build.ts"), stage]);
      writeFileSync(join(stage, "_headers"), HEADERS);
      rmSync(site, { recursive: true, force: true });
      mkdirSync(inRoot("build"), { recursive: true });
      renameSync(stage, site);
    },
  });
}
