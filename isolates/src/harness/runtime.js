//! What a script sees beside the language: `context` and the runtime APIs that its job allows.

import { captured, log } from "./console.js";

export { check } from "./meter.js";

const { parse, stringify } = JSON;
const Text = String;

export let context;
export let console;
export let api;
export let db;
export let ai;

/** Fills in what the script imports. `host` answers for the APIs that reach outside. */
export function provide(job, host) {
  const allowed = (name) => job.apis.includes(name);
  const over = (name, use) => (allowed(name) ? use : () => refuse(name));
  context = job.context;
  console = allowed("console") ? captured : new Proxy(captured, { get: (_, method) => () => refuse(`console.${Text(method)}`, "console") });
  api = over("api", async (url, options = {}) => readBody(await call(host, "api", { url: Text(url), options })));
  db = over("db", (query) => call(host, "db", query));
  ai = over("ai", (model, input) => call(host, "ai", { model, input }));

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

/** Asks the host. Both ways go as JSON, so that nothing but data crosses. */
async function call(host, name, argument) {
  const response = await host.fetch(`http://host/${name}`, { method: "POST", body: stringify(argument ?? null) });
  const answer = parse(await response.text());
  if (answer.error) throw new RuntimeApiError(answer.error.name, answer.error.message);
  return answer.value;
}

/** The answer of an HTTP request with its body parsed where it is JSON. */
function readBody({ text, ...answer }) {
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(answer.headers["content-type"] ?? "")) {
    try {
      return { ...answer, body: parse(text) };
    } catch {
      // What says to be JSON and is none is still text.
    }
  }
  return { ...answer, body: text };
}
