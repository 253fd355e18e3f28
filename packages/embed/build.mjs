//! Bundles the script for pages, which is the same that the Worker serves: dist/embed.js.

import { rolldown } from "rolldown";

const bundle = await rolldown({ input: "src/script.ts" });
await bundle.write({ file: "dist/embed.js", format: "iife", minify: true });
await bundle.close();
