//! The Worker as it is deployed, in the real Workers runtime, with the bindings of wrangler.toml.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, relative } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig as readConfig } from "wrangler";
import { newKey, projectSql } from "../../scripts/setup/development.mjs";
import { inRoot, root, workerEntry, workerModule, workerWasm } from "../../scripts/setup/paths.mjs";
import { runtimes } from "../../scripts/setup/processes.mjs";
import type { ContainerSettings } from "./containers.ts";
import { until } from "./until.ts";

/** What we use of wrangler.toml, as wrangler itself reads it; its own types name packages that it does not bring. */
interface Config {
  name: string;
  compatibility_date: string;
  compatibility_flags: string[];
  vars: Record<string, string>;
  durable_objects: { bindings: { name: string; class_name: string }[] };
  containers?: { class_name: string }[];
  kv_namespaces: { binding: string }[];
  d1_databases: { binding: string }[];
}

/** What we use of a namespace of objects; its own types name packages that are not here. */
interface Objects {
  getByName(name: string): { fetch(url: string, init: RequestInit): Promise<{ text(): Promise<string> }> };
}

/** The Worker, where it listens and a key to it. */
export interface Worker {
  url: string;
  key: string;
  /** Lines that the Worker logged. */
  logs: string[];
  /** Runs one SQL statement in its database. */
  sql(statement: string): Promise<unknown>;
  /** A value of its KV namespace, by key. */
  stored(key: string): Promise<string | null>;
  /** Puts a value there. */
  store(key: string, value: string): Promise<void>;
  /** Calls a Sandbox object past the Worker; `call` is what src/objects/sandbox_call.rs reads. */
  sandbox(name: string, call: unknown): Promise<unknown>;
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
}

/**
 * Starts the Worker; `vars` are added to those of wrangler.toml. What it stores is in `state`, if that is named. With
 * `containers` its objects have real ones.
 */
export async function startWorker(vars: Record<string, string>, state?: string, containers?: ContainerSettings, neighbour?: Neighbour): Promise<Worker> {
  const isNew = state === undefined || !existsSync(state);
  const config = readConfig({ config: inRoot("wrangler.toml") }, { hideWarnings: true }) as unknown as Config;
  const name = config.name;
  const text = Object.entries({ ...config.vars, ROOM_TOKEN_KEY: randomBytes(32).toString("hex"), ...vars });
  const logs: string[] = [];
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    log: new Log(LogLevel.ERROR),
    logRequests: false,
    ...(state === undefined ? {} : { resourcePersistencePath: state }),
    ...(containers && { containerEngine: { localDocker: { socketPath: containers.socket, containerEgressInterceptorImage: containers.sidecar } } }),
    handleStructuredLogs: ({ message }: { message: string }) => void logs.push(message),
    workers: [
      {
        config: {
          name,
          compatibilityDate: config.compatibility_date,
          compatibilityFlags: config.compatibility_flags,
          manifest: {
            mainModule: basename(workerEntry),
            modulesRoot: root,
            modules: {
              [relative(root, workerEntry)]: { type: "esm", contents: readFileSync(workerEntry) },
              [relative(root, workerModule)]: { type: "esm", contents: readFileSync(workerModule) },
              [relative(root, workerWasm)]: { type: "wasm", contents: readFileSync(workerWasm) },
            },
          },
          exports: Object.fromEntries(
            config.durable_objects.bindings.map(({ class_name }) => {
              const contained = containers && config.containers?.some((container) => container.class_name === class_name);
              const container = contained ? { container: { imageName: containers.image } } : {};
              return [class_name, { type: "durable-object", storage: "sqlite", ...container }] as const;
            }),
          ),
          env: Object.fromEntries([
            ...config.durable_objects.bindings.map(
              ({ name: binding, class_name }) => [binding, { type: "durable-object", worker: name, exportName: class_name }] as const,
            ),
            ...config.kv_namespaces.map(({ binding }) => [binding, { type: "kv", id: binding }] as const),
            ...config.d1_databases.map(({ binding }) => [binding, { type: "d1", id: binding }] as const),
            ...text.map(([variable, value]) => [variable, { type: "text", value }] as const),
          ]),
        },
      },
      resetter(config.compatibility_date),
      ...(neighbour === undefined ? [] : [neighbourOf(name, neighbour, config.compatibility_date)]),
    ],
  });
  const before = runtimes();
  const url = (await miniflare.ready).origin;
  const pids = runtimes().filter((pid) => !before.includes(pid));

  const database = await miniflare.getD1Database("DB");
  const sql = (statement: string) => database.prepare(statement).run();
  const key = newKey();
  for (const statement of [...(isNew ? migrations() : []), ...projectSql(key)]) await sql(statement);
  const runs = (await miniflare.getKVNamespace("RUNS")) as unknown as {
    get(key: string): Promise<string | null>;
    put(key: string, value: string): Promise<void>;
  };
  const objects = (await miniflare.getDurableObjectNamespace("POOL")) as unknown as Objects;
  return {
    url,
    key,
    logs,
    sql,
    stored: (id) => runs.get(id),
    store: (id, value) => runs.put(id, value),
    sandbox: async (object, call) => {
      const answer = await objects.getByName(object).fetch("http://sandbox/", { method: "POST", headers: { "docle-call": JSON.stringify(call) } });
      return JSON.parse(await answer.text()) as unknown;
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

function neighbourOf(worker: string, { modules }: Neighbour, compatibilityDate: string) {
  const sources = Object.entries(modules).map(([name, contents]) => [name, { type: "esm" as const, contents }] as const);
  return {
    config: {
      name: "neighbour",
      compatibilityDate,
      manifest: { mainModule: "neighbour.js", modules: Object.fromEntries(sources) },
      env: { CODE_EXEC: { type: "worker" as const, worker, exportName: "CodeExecutor" } },
    },
  };
}

/** Every statement of every migration. A statement ends where a line does, so migrations hold no triggers. */
function migrations(): string[] {
  const files = readdirSync(inRoot("migrations")).filter((file) => file.endsWith(".sql")).sort();
  return files.flatMap((file) =>
    readFileSync(inRoot("migrations", file), "utf8")
      .replaceAll(/--.*$/gm, "")
      .split(/;\s*$/m)
      .filter((statement) => statement.trim() !== ""),
  );
}
