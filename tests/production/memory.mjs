//! The Worker as it is deployed; `GET /memory` says how many bytes its WebAssembly instance holds. The Worker and its
//! objects share that instance, and its memory never shrinks, so a growth is the most that they ever needed at once.

import { WorkerEntrypoint } from "cloudflare:workers";

/** @type {WebAssembly.Memory[]} */
const memories = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  /** @param {WebAssembly.Module} module @param {WebAssembly.Imports} imports */
  constructor(module, imports) {
    super(module, imports);
    const { memory } = this.exports;
    if (memory instanceof WebAssembly.Memory) memories.push(memory);
  }
};

// Not a static import, which would be evaluated before the lines above.
const { default: Worker, Account, CodeExecutor, Fleet, KeyGate, Room, RunPool, Sandbox, UsageLog, Webhooks } = await import("../../worker.mjs");
export { Account, CodeExecutor, Fleet, KeyGate, Room, RunPool, Sandbox, UsageLog, Webhooks };

export default class extends WorkerEntrypoint {
  /** @param {Request} request */
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/memory") return Response.json(memories.map((memory) => memory.buffer.byteLength));
    return /** @type {any} */ (new Worker(this.ctx, this.env)).fetch(request);
  }
}
