//! How the site is built: hashed files below /assets, and index.html, whose nonce the Worker writes.

import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue(), tailwindcss()],
  resolve: { alias: { "@doclehq/sdk/sandboxes": fileURLToPath(new URL("../packages/sdk/src/sandboxes.ts", import.meta.url)), "@doclehq/sdk": fileURLToPath(new URL("../packages/sdk/src/index.ts", import.meta.url)), "@": fileURLToPath(new URL("src", import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false" },
  build: {
    target: ["chrome123", "firefox120", "safari17.5"],
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // A `data:` address in a style would be the only one that the policy of the pages had to allow for fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // docs.html is the template of the documentation, which docs/build.ts fills for each page.
    rolldownOptions: { input: ["index.html", "docs.html"] },
    license: { fileName: "assets/licenses.md" },
  },
});
