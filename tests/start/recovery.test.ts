//! A Worker after a panic or a trap: the next call gets a new WebAssembly instance, and objects are made again in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { Log, LogLevel, Miniflare } from "miniflare";
import { inRoot } from "../../scripts/setup/paths.mjs";

/** A module whose one function, `trap`, is `unreachable`. */
const trap = Buffer.from("0061736d010000000104016000000302010007080104747261700000" + "0a05010300000b", "hex");

/** In place of what wasm-bindgen makes: the same marks, with failures to order; a pointer belongs to one instance. */
const stand_in = `
import trap from "./trap.wasm";
import { recovery } from "./recovery.mjs";
const state = { criticalError: false, instanceId: 1 };
let resets = 0, made = 0;
async function answer(request, pointer = 0) {
  switch (new URL(request.url).pathname) {
    case "/trap": new WebAssembly.Instance(trap).exports.trap(); break;
    case "/panic": state.criticalError = true; throw new Error("Rust panic");
    case "/panicked": state.criticalError = true; new WebAssembly.Instance(trap).exports.trap(); break;
    case "/error": throw new Error("no harm");
  }
  return Response.json({ resets, pointer });
}
class Counter {
  constructor() { this.__wbg_ptr = ++made; }
  async fetch(request) { return answer(request, this.__wbg_ptr); }
}
const wasm = {
  __worker_init_state: () => state,
  __wbg_reset_state: () => { resets++; },
  Counter,
  fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith("/object")) return answer(request);
    return env.COUNTER.get(env.COUNTER.idFromName("one")).fetch("http://counter" + pathname.slice("/object".length));
  },
};
const { entryPoint, restarting } = recovery(wasm);
export default entryPoint(["fetch"]);
const Guarded = restarting(Counter);
export { Guarded as Counter };
`;

const modules = {
  "entry.mjs": { type: "esm", contents: stand_in },
  "recovery.mjs": { type: "esm", contents: readFileSync(inRoot("scripts", "bindgen", "recovery.mjs"), "utf8") },
  "trap.wasm": { type: "wasm", contents: trap },
} as const;

const logged: string[] = [];
const miniflare = new Miniflare({
  cf: false,
  log: new Log(LogLevel.NONE),
  handleStructuredLogs: ({ message }: { message: string }) => void logged.push(message),
  workers: [
    {
      config: {
        name: "recovery",
        compatibilityDate: "2026-11-01",
        manifest: { mainModule: "entry.mjs", modulesRoot: "/", modules },
        exports: { Counter: { type: "durable-object", storage: "sqlite" } },
        env: { COUNTER: { type: "durable-object", worker: "recovery", exportName: "Counter" } },
      },
    },
  ],
});
const { origin } = await miniflare.ready;
after(() => miniflare.dispose());

interface Counts {
  resets: number;
  pointer: number;
}

const ask = async (path: string) => (await (await fetch(origin + path)).json()) as Counts;
const fails = async (path: string) => assert.equal((await fetch(origin + path)).status, 500);

test("nothing starts anew after an ordinary error", async () => {
  await ask("/object/");
  await fails("/error");
  await fails("/object/error");
  assert.deepEqual(await ask("/object/"), { resets: 0, pointer: 1 });
});

for (const [number, path] of ["/panic", "/trap", "/object/panic", "/object/trap"].entries()) {
  test(`the WebAssembly instance starts anew after ${path}, and the object is made again`, async () => {
    await fails(path);
    assert.equal((await ask("/")).resets, number + 1);
    assert.deepEqual(await ask("/object/"), { resets: number + 1, pointer: number + 2 });
  });
}

test("a trap is logged once, and not at all when it follows a panic, which is logged already", async () => {
  const critical = () => logged.filter((message) => message.startsWith("Critical")).length;
  const before = critical();
  await fails("/trap");
  await ask("/");
  assert.equal(critical(), before + 1);
  await fails("/panicked");
  await ask("/");
  assert.equal(critical(), before + 1);
});
