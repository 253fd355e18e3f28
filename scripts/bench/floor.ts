//! What the runtime itself takes for the steps of a run: an empty Worker, and each step added to it in plain JavaScript.

import { Log, LogLevel, Miniflare } from "miniflare";

const script = `
import { DurableObject } from "cloudflare:workers";
export class Step extends DurableObject {
  fetch(request) {
    const record = request.headers.get("record");
    if (record) {
      this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, record TEXT) WITHOUT ROWID");
      this.ctx.storage.sql.exec("INSERT INTO records VALUES (?, ?)", crypto.randomUUID(), record);
    }
    return request.headers.has("run") ? fetch(this.env.RUNNER, { method: "POST", body: request.body }) : new Response("{}");
  }
}
export default {
  async fetch(request, env, context) {
    const steps = new URL(request.url).pathname;
    const body = await request.text();
    const call = async (name, init) => (await env.STEP.get(env.STEP.idFromName(name)).fetch("http://step/", init)).text();
    if (steps.includes("gate")) await call("gate");
    if (steps.includes("run")) await call("run", { method: "POST", body, headers: { run: "1" } });
    if (steps.includes("record")) context.waitUntil(call("gate", { headers: { record: "x".repeat(900) } }));
    return new Response('{"ok":true}', { headers: { "content-type": "application/json" } });
  },
};`;

/** The steps that are added, by the path that asks for them. */
export const steps = { "/": "an empty Worker", "/gate": "and one object", "/gate-run": "and the runner through another object", "/gate-run-record": "and a record of it stored in the first object" };

/** Starts a Worker that does as many of these steps as its path names; `runner` is where runs are sent. */
export async function startFloor(runner: string): Promise<{ url: string; stop(): Promise<void> }> {
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new Log(LogLevel.ERROR),
    logRequests: false,
    workers: [
      {
        config: {
          name: "floor",
          compatibilityDate: "2026-11-01",
          manifest: { mainModule: "floor.js", modulesRoot: "/", modules: { "floor.js": { type: "esm", contents: script } } },
          exports: { Step: { type: "durable-object", storage: "sqlite" } },
          env: {
            STEP: { type: "durable-object", worker: "floor", exportName: "Step" },
            RUNNER: { type: "text", value: runner },
          },
        },
      },
    ],
  });
  return { url: (await miniflare.ready).origin, stop: () => miniflare.dispose() };
}
