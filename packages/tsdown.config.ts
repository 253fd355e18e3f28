//! How each package is built, from its own folder.

import { defineConfig, type UserConfig } from "tsdown";

const config: UserConfig = defineConfig({
  cwd: process.cwd(),
  entry: "src/index.ts",
  format: "esm",
  platform: "neutral",
  target: "es2022",
  dts: { oxc: true },
  minify: true,
  outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
});
export default config;
