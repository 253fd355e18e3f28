//! The Worker as it is deployed, with what stands behind it as in production: slow, failing, or failing after the work is
//! done. `PUT /conditions` sets how; `GET /conditions` says what was called since.
//!
//! The runtime keeps the Worker and its objects in one isolate, so one variable is what all of them obey.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker, * as parts from "../../worker.mjs";

export * from "../../worker.mjs";

/**
 * A fault: calls of `kind` whose text has `match` fail, `before` their work or `after` it, so many `times`.
 * @typedef {{ kind: Kind, match: string, fail: "before" | "after", times: number }} Fault
 * @typedef {"d1" | "kv" | "object"} Kind
 * What holds until the next change: milliseconds that calls of a kind take from … to, faults, and how long `waitUntil` lasts.
 * @typedef {{ delays?: Partial<Record<Kind, [number, number]>>, faults?: Fault[], waitUntilMs?: number }} Conditions
 */

/** @type {Conditions} */
let conditions = {};
/** The calls since the last change. @type {{ kind: Kind, text: string }[]} */
let calls = [];

/** Milliseconds between the two, each as likely, and the same ones in every test run. @param {[number, number]} range */
const delay = ([from, to]) => from + ((calls.length * 7_919) % (to - from + 1));

/** Does `work`, which `text` describes, under the conditions. @template T @param {Kind} kind @param {string} text @param {() => T | Promise<T>} work */
async function under(kind, text, work) {
  calls.push({ kind, text });
  const fault = conditions.faults?.find((fault) => fault.kind === kind && fault.times > 0 && text.includes(fault.match));
  if (fault !== undefined) fault.times -= 1;
  const range = conditions.delays?.[kind];
  if (range !== undefined) await scheduler.wait(delay(range));
  if (fault?.fail === "before") throw new Error(`${kind}: reset because its code was updated`);
  const result = await work();
  if (fault?.fail === "after") throw new Error(`${kind}: the connection was lost`);
  return result;
}

/** An object whose methods of these names are replaced; what else it has stays. @param {any} real @param {Record<string, Function>} methods */
function with_(real, methods) {
  return new Proxy(real, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return methods[/** @type {string} */ (name)];
      const value = Reflect.get(target, name, target);
      // `worker` tells a binding's kind by the name of its constructor.
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}

/** The statements behind those that the Worker has, and their text. @type {WeakMap<object, { real: any, sql: string }>} */
const statements = new WeakMap();

/** @param {any} real @param {string} sql */
function statement(real, sql) {
  const read = (/** @type {string} */ name) => (/** @type {any[]} */ ...args) => under("d1", sql, () => real[name](...args));
  const methods = { bind: (/** @type {any[]} */ ...values) => statement(real.bind(...values), sql), all: read("all"), run: read("run"), first: read("first"), raw: read("raw") };
  const wrapped = with_(real, methods);
  statements.set(wrapped, { real, sql });
  return wrapped;
}

/** @param {any} real */
const database = (real) =>
  with_(real, {
    prepare: (/** @type {string} */ sql) => statement(real.prepare(sql), sql),
    batch: (/** @type {object[]} */ batch) => {
      const known = batch.map((one) => statements.get(one));
      return under("d1", known.map((one) => one?.sql).join("; "), () => real.batch(known.map((one) => one?.real)));
    },
  });

/** @param {any} real */
function store(real) {
  const call = (/** @type {string} */ name) => (/** @type {any[]} */ ...args) => under("kv", `${name} ${args[0]}`, () => real[name](...args));
  return with_(real, { get: call("get"), put: call("put"), delete: call("delete"), getWithMetadata: call("getWithMetadata") });
}

/** @type {WeakMap<object, object>} */
const environments = new WeakMap();

/** The bindings, under the conditions. @param {any} env */
function conditioned(env) {
  const known = environments.get(env);
  if (known !== undefined) return known;
  const made = { ...env, DB: database(env.DB), RUNS: store(env.RUNS) };
  environments.set(env, made);
  return made;
}

/** A class of objects, under the conditions. @param {any} Class @returns {any} */
const object = (Class) =>
  class extends Class {
    /** @param {any} state @param {any} env */
    constructor(state, env) {
      super(state, conditioned(env));
    }

    /** @param {Request} request */
    fetch(request) {
      return under("object", request.headers.get("docle-call") ?? "", () => super.fetch(request));
    }
  };

export const KeyGate = object(parts.KeyGate);
export const RunPool = object(parts.RunPool);
export const Room = object(parts.Room);
export const UsageLog = object(parts.UsageLog);
export const Webhooks = object(parts.Webhooks);

export default class extends WorkerEntrypoint {
  /** @param {Request} request */
  async fetch(request) {
    if (new URL(request.url).pathname === "/conditions") {
      if (request.method === "GET") return Response.json(calls);
      conditions = await request.json();
      calls = [];
      return new Response();
    }
    return this.#worker().fetch(request);
  }

  /** @param {any} event */
  scheduled(event) {
    return this.#worker().scheduled(event);
  }

  /** The Worker, whose background work is cut off where the conditions say so, as the platform does after 30 seconds. */
  #worker() {
    const worker = /** @type {any} */ (new Worker(this.ctx, conditioned(this.env)));
    const cut = (/** @type {Promise<unknown>} */ work) => {
      const limit = conditions.waitUntilMs;
      return limit === undefined ? work : Promise.race([work, scheduler.wait(limit)]);
    };
    worker.ctx = with_(this.ctx, { waitUntil: (/** @type {Promise<unknown>} */ work) => this.ctx.waitUntil(cut(work)) });
    return worker;
  }
}
