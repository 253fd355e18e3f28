//! What scripts/bindgen/recovery.mjs uses of the Workers runtime and the types of Node leave out.

declare module "cloudflare:workers" {
  export class WorkerEntrypoint {
    constructor(ctx: unknown, env: unknown);
    protected ctx: unknown;
    protected env: unknown;
  }
}

declare namespace WebAssembly {
  const RuntimeError: new () => Error;
}

declare function addEventListener(type: "error", listener: (event: { error: unknown }) => void): void;
