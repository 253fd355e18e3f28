//! The imports of a script: `context` and the runtime APIs that its job allows.

import { captured, log } from "./console.js";

export { check } from "./meter.js";

const { parse, stringify } = JSON;
const Text = String;

export let context;
export let console;
export let api;
export let db;
export let ai;

/** Sets the imports of the script. `host` answers the APIs that reach outside of the isolate. */
export function provide(job, host) {
  const allowed = (name) => job.apis.includes(name);
  const ifAllowed = (name, call) => (allowed(name) ? call : () => refuse(name));
  context = job.context;
  console = allowed("console") ? captured : new Proxy(captured, { get: (_, method) => () => refuse(`console.${Text(method)}`, "console") });
  api = ifAllowed("api", async (url, options = {}) => readBody(await call(host, "api", { url: Text(url), options })));
  db = ifAllowed("db", (query) => call(host, "db", query));
  ai = ifAllowed("ai", (model, input) => call(host, "ai", { model, input }));

  globalThis.console = console;
  globalThis.fetch = async () => refuseGlobal("fetch");
  globalThis.WebSocket = function () {
    refuseGlobal("WebSocket");
  };
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    if (allowed("console")) log("error", ["Uncaught (in promise)", event.reason]);
  });
}

class NotAllowedError extends Error {
  name = "NotAllowedError";
}

function refuse(name, list = name) {
  throw new NotAllowedError(`${name} is not allowed for this script: add "${list}" to config.allowedAPIs.`);
}

function refuseGlobal(name) {
  throw new NotAllowedError(`Scripts have no ${name}: use api(url, options), which reaches the hosts in config.allowedDomains.`);
}

class RuntimeApiError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

/** Calls the host. Request and response are JSON, so that only data crosses the boundary. */
async function call(host, name, argument) {
  const response = await host.fetch(`http://host/${name}`, { method: "POST", body: stringify(argument ?? null) });
  const { value, error } = parse(await response.text());
  if (error) throw new RuntimeApiError(error.name, error.message);
  return value;
}

/** The response of an HTTP request, with a JSON body parsed. */
function readBody({ text, ...response }) {
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(response.headers["content-type"] ?? "")) {
    try {
      return { ...response, body: parse(text) };
    } catch {
      // A body that claims to be JSON and does not parse stays text.
    }
  }
  return { ...response, body: text };
}
