//! The module that a Worker is deployed as, made of what wasm-bindgen exports: handlers of events and classes of objects.

import { inRoot } from "./paths.mjs";

/** Exports of `worker` and of wasm-bindgen that are no handlers. */
const INTERNAL = ["__worker_init_state", "__wbg_reset_state"];
/** Functions that the Workers runtime calls, each with an argument, the bindings and the context. */
const EVENTS = ["fetch", "scheduled", "queue", "email", "connect"];

/** The source of that module, to lie beside index.js. @param {string} index the text of wasm-bindgen's index.js */
export function entryPoints(index) {
  const names = (/** @type {RegExp} */ pattern) => Array.from(index.matchAll(pattern), ([, name = ""]) => name);
  const functions = [...names(/^export (?:async )?function (\w+)/gm), ...names(/^export \{ \w+ as (\w+) \}/gm)].filter((name) => !INTERNAL.includes(name));
  const unknown = functions.filter((name) => !EVENTS.includes(name));
  if (unknown.length > 0) throw new Error(`The Worker exports ${unknown.join(", ")}, which is no event of the Workers runtime.`);
  const classes = names(/^export class (\w+)/gm);
  return [
    `import * as wasm from "./index.js";`,
    `import { recovery } from ${JSON.stringify(inRoot("scripts", "bindgen", "recovery.mjs"))};`,
    `const { entryPoint, restarting } = recovery(wasm);`,
    `export default entryPoint(${JSON.stringify(functions)});`,
    ...classes.map((name) => `export const ${name} = restarting(wasm.${name});`),
    "",
  ].join("\n");
}
