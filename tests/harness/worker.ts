//! The Worker as it is deployed, in the real Workers runtime, with the bindings of wrangler.toml.

import { randomBytes } from "node:crypto";
import { containerBinding, readConfig } from "../../scripts/runtime/config.mjs";
import { migrate } from "../../scripts/runtime/database.mjs";
import { startWorker as startRuntime } from "../../scripts/runtime/worker.mjs";
import { newKey, projectSql } from "../../scripts/setup/development.mjs";
import { runtimes } from "../../scripts/setup/processes.mjs";
import type { ContainerSettings } from "./containers.ts";
import { until } from "./until.ts";

/** The secret of every Worker of this process: what one has made stays valid for the next with the same state. */
const SECRET = randomBytes(32).toString("hex");

/** What we use of a namespace of objects; its own types name packages that are not here. */
interface Objects {
  getByName(name: string): { fetch(url: string, init: RequestInit): Promise<{ status: number; headers: { get(name: string): string | null } }> };
}

/** The Worker, where it listens and a key to it. */
export interface Worker {
  url: string;
  key: string;
  /** A new key that this deployment has made; no project has it yet. */
  newKey(): string;
  /** Lines that the Worker logged. */
  logs: string[];
  /** Runs one SQL statement in its database. */
  sql(statement: string): Promise<unknown>;
  /** A value of its KV namespace, by key. */
  stored(key: string): Promise<string | null>;
  /** Puts a value there. */
  store(key: string, value: string): Promise<void>;
  /** Calls a RunPool object without the Worker between; `call` is a `PoolCall` of src/objects/run_pool/call.rs. */
  pool(name: string, call: unknown): Promise<unknown>;
  /** Takes an object out of memory as soon as nobody calls it, as the platform does when it likes to. */
  evict(className: string, name: string): Promise<void>;
  /** Takes all objects out of memory whatever they do, as the platform does with every deployment. */
  reset(): Promise<void>;
  /** Raises the scheduled event, and answers with how it ended. */
  schedule(): Promise<string>;
  /** Calls the neighbour that it was started with. */
  neighbour(url: string, init?: RequestInit): Promise<Response>;
  /** The processes of its runtime. */
  pids: number[];
  /** Ends the runtime without warning. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Another Worker of the same account, which calls this one's entry point `CodeExecutor` as `CODE_EXEC`. */
export interface Neighbour {
  /** Name → source; "neighbour.js" is the main one. */
  modules: Record<string, string>;
  /** Further bindings, given the name of this Worker. */
  env?: (worker: string) => Record<string, object>;
  /** Its Durable Objects, as Miniflare takes them. */
  exports?: Record<string, object>;
}

/** How a Worker is started. */
export interface WorkerOptions {
  /** Where it stores what it stores; without it, in memory. */
  state?: string | undefined;
  /** Gives its objects real containers. */
  containers?: ContainerSettings | undefined;
  neighbour?: Neighbour | undefined;
  /** A module around worker.mjs, in its place. */
  entry?: string | undefined;
}

/** Starts the Worker; `vars` are added to those of wrangler.toml. */
export async function startWorker(vars: Record<string, string>, { state, containers, neighbour, entry }: WorkerOptions = {}): Promise<Worker> {
  const config = await readConfig("wrangler.toml");
  const { name, compatibility_date } = config;
  const logs: string[] = [];
  const beside = [resetter(compatibility_date), ...(neighbour === undefined ? [] : [neighbourOf(name, neighbour, compatibility_date)])];
  const { url, miniflare, pids } = await startRuntime({
    vars: { DEPLOYMENT_SECRET: SECRET, ...vars },
    log: (message) => void logs.push(message),
    beside,
    ...(state === undefined ? {} : { state }),
    ...(containers === undefined ? {} : { containers }),
    ...(entry === undefined ? {} : { entry }),
  });

  const database = await miniflare.getD1Database("DB");
  const sql = (statement: string) => database.prepare(statement).run();
  const key = newKey(SECRET);
  await migrate(database as Parameters<typeof migrate>[0]);
  for (const statement of projectSql(key)) await sql(statement);
  const runs = (await miniflare.getKVNamespace("RUNS")) as unknown as {
    get(key: string): Promise<string | null>;
    put(key: string, value: string): Promise<void>;
  };
  const objects = (await miniflare.getDurableObjectNamespace(containerBinding(config))) as unknown as Objects;
  return {
    url,
    key,
    newKey: () => newKey(SECRET),
    logs,
    sql,
    stored: (id) => runs.get(id),
    store: (id, value) => runs.put(id, value),
    pool: async (object, call) => {
      const headers = { "docle-call": JSON.stringify({ object, call }) };
      const answer = await objects.getByName(object).fetch("http://object/", { method: "POST", headers });
      const value = answer.headers.get("docle-answer") ?? "null";
      if (answer.status !== 200) throw new Error(`${object} answered ${answer.status}: ${value}`);
      return JSON.parse(value) as unknown;
    },
    evict: (className, object) => miniflare.unsafeEvictDurableObject(name, className, { name: object }),
    reset: async () => {
      const worker = (await miniflare.getWorker("resetter")) as unknown as { fetch: typeof fetch };
      await worker.fetch("http://resetter/");
    },
    schedule: async () => {
      const worker = (await miniflare.getWorker()) as unknown as { scheduled(event: object): Promise<{ outcome: string }> };
      return (await worker.scheduled({ cron: "17 * * * *" })).outcome;
    },
    neighbour: async (path, init) => {
      const worker = (await miniflare.getWorker("neighbour")) as unknown as { fetch: typeof fetch };
      return worker.fetch(`http://neighbour${path}`, init);
    },
    pids,
    kill: async () => {
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await until("the runtime's end", () => runtimes().every((pid) => !pids.includes(pid)));
      await miniflare.dispose();
    },
    stop: () => miniflare.dispose(),
  };
}

/** A Worker that does what only the runtime can: the module is there for tests. */
function resetter(compatibilityDate: string) {
  const contents = 'import unsafe from "workerd:unsafe";\nexport default { fetch: async () => (await unsafe.abortAllDurableObjects(), new Response()) };';
  const manifest = { mainModule: "resetter.js", modules: { "resetter.js": { type: "esm" as const, contents } } };
  return { config: { name: "resetter", compatibilityDate, compatibilityFlags: ["experimental", "unsafe_module"], manifest } };
}

function neighbourOf(worker: string, { modules, env, exports = {} }: Neighbour, compatibilityDate: string) {
  const sources = Object.entries(modules).map(([name, contents]) => [name, { type: "esm" as const, contents }] as const);
  return {
    config: {
      name: "neighbour",
      compatibilityDate,
      manifest: { mainModule: "neighbour.js", modules: Object.fromEntries(sources) },
      exports,
      env: { CODE_EXEC: { type: "worker" as const, worker, exportName: "CodeExecutor" }, ...env?.(worker) },
    },
  };
}
