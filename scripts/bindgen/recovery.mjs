//! What stands between the Workers runtime and the WebAssembly of a Worker: after a panic or a trap the next call starts
//! a new instance, because memory that a panic left behind may hold half of a change.
//!
//! It does what the shim of worker-build does, for the same marks: `worker` notes a panic in `__worker_init_state`, and
//! wasm-bindgen adds `__wbg_reset_state`.

import { WorkerEntrypoint } from "cloudflare:workers";

/**
 * What is called here of the module that wasm-bindgen makes; the rest are handlers of events and classes of objects.
 * @typedef {Record<string, any> & { __worker_init_state: () => { criticalError: boolean, instanceId: number }, __wbg_reset_state: () => void }} Wasm
 */

/** @param {Wasm} wasm */
export function recovery(wasm) {
  // Traces of Rust are long, and their first lines are those of the panic itself.
  Error.stackTraceLimit = 100;
  const state = wasm.__worker_init_state();

  const restartIfBroken = () => {
    if (!state.criticalError) return;
    console.log("The WebAssembly instance of this Worker starts anew.");
    wasm.__wbg_reset_state();
    state.criticalError = false;
    state.instanceId++;
  };
  const noteTrap = (/** @type {unknown} */ error) => {
    // A panic ends in a trap, and is logged already.
    if (!(error instanceof WebAssembly.RuntimeError) || state.criticalError) return;
    console.error("Critical", error);
    state.criticalError = true;
  };
  const failed = (/** @type {unknown} */ error) => {
    noteTrap(error);
    throw error;
  };
  addEventListener("error", ({ error }) => noteTrap(error));

  /** A method that restarts what is broken before it runs, and notes what breaks in it. @param {Function} method */
  const guarded = (method) =>
    new Proxy(method, {
      apply(_, self, args) {
        restartIfBroken();
        try {
          const result = Reflect.apply(method, self, args);
          return result instanceof Promise ? result.catch(failed) : result;
        } catch (error) {
          return failed(error);
        }
      },
    });

  /** A class whose instances are made again, with the same arguments, when the WebAssembly instance is a new one. @param {Function} Class */
  const restarting = (Class) =>
    new Proxy(Class, {
      construct(_, args, newTarget) {
        try {
          restartIfBroken();
          const make = () => Reflect.construct(Class, args, newTarget);
          const holder = { instance: make(), instanceId: state.instanceId };
          return new Proxy(holder, {
            ...PASSED_ON,
            get(_, name, receiver) {
              if (holder.instanceId !== state.instanceId) Object.assign(holder, { instance: make(), instanceId: state.instanceId });
              const value = Reflect.get(holder.instance, name, receiver);
              return typeof value === "function" ? guarded(value) : value;
            },
          });
        } catch (error) {
          state.criticalError = true;
          throw error;
        }
      },
    });

  /** The class behind the default export: each event goes to the exported function of its name. @param {string[]} events */
  const entryPoint = (events) => {
    class Entrypoint extends WorkerEntrypoint {}
    for (const event of events) {
      const handler = function (/** @type {any} */ argument) {
        // @ts-ignore: `this` is an instance of the class above.
        return wasm[event].call(this, argument, this.env, this.ctx);
      };
      Object.defineProperty(Entrypoint.prototype, event, { value: handler, configurable: true, writable: true });
    }
    return restarting(Entrypoint);
  };
  return { entryPoint, restarting };
}

/** @typedef {{ instance: any }} Holder */

/** Everything but reading a property goes to the instance as it is. @type {ProxyHandler<Holder>} */
const PASSED_ON = {
  set: ({ instance }, name, value) => Reflect.set(instance, name, value),
  has: ({ instance }, name) => Reflect.has(instance, name),
  deleteProperty: ({ instance }, name) => Reflect.deleteProperty(instance, name),
  getPrototypeOf: ({ instance }) => Reflect.getPrototypeOf(instance),
  setPrototypeOf: ({ instance }, prototype) => Reflect.setPrototypeOf(instance, prototype),
  isExtensible: ({ instance }) => Reflect.isExtensible(instance),
  preventExtensions: ({ instance }) => Reflect.preventExtensions(instance),
  getOwnPropertyDescriptor: ({ instance }, name) => Reflect.getOwnPropertyDescriptor(instance, name),
  defineProperty: ({ instance }, name, descriptor) => Reflect.defineProperty(instance, name, descriptor),
  ownKeys: ({ instance }) => Reflect.ownKeys(instance),
};
