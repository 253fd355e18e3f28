//! How a sandbox is reached: through the Durable Object of this package, over a service binding, or over HTTP.

import { Sandboxes, type DocleOptions, type SandboxSettings } from "@doclehq/sdk/sandboxes";
import { BOUND_URL, DEFAULT_URL, direct, type Access, type ServiceBinding } from "./access.ts";
import { SandboxClient } from "./client.ts";

/** A Durable Object namespace whose class is the `Sandbox` of this package. */
export interface SandboxNamespace {
  idFromName(name: string): unknown;
  // The types of ids and stubs are those of the platform.
  get(id: never): { fetch(input: string, init?: RequestInit): Promise<Response> };
}

/** What sandboxes are reached through. Settings as those of the SDK reach them over HTTP. */
export type SandboxBinding = SandboxNamespace | ServiceBinding | Pick<DocleOptions, "apiKey" | "baseUrl" | "retries" | "timeoutMs">;

export interface SandboxOptions {
  /** The API key, for a service binding. */
  apiKey?: string;
  /** What the sandbox is like, if this call makes it. */
  settings?: Omit<SandboxSettings, "key">;
}

/**
 * The sandbox with a name of your own, which is made by the first call that needs it. It is there under this name for every later call,
 * with its files, until it is destroyed.
 *
 * ```ts
 * const sandbox = getSandbox(env.Sandbox, "my-sandbox");
 * ```
 */
export function getSandbox(binding: SandboxBinding, id: string, options: SandboxOptions = {}): SandboxClient {
  const access = accessOf(binding, id, options);
  return new SandboxClient(access, () => new Sandboxes(access).create({ ...options.settings, key: id }));
}

function accessOf(binding: SandboxBinding | undefined, id: string, { apiKey }: SandboxOptions): Access {
  // A binding that the configuration lacks is undefined in `env`, whatever its type says.
  if (binding === undefined) throw new TypeError("getSandbox needs a binding: a Durable Object namespace whose class is Sandbox, a service binding to Docle, or { apiKey } for HTTP.");
  if (isSettings(binding)) {
    const { DOCLE_API_KEY, DOCLE_BASE_URL = DEFAULT_URL } = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};
    return { ...(DOCLE_API_KEY === undefined ? {} : { apiKey: DOCLE_API_KEY }), baseUrl: DOCLE_BASE_URL, ...binding, fetch: direct };
  }
  if (isNamespace(binding)) {
    const object = binding.get(binding.idFromName(id) as never);
    // The object has the key, so that no other code of the Worker needs it.
    return { apiKey: "", baseUrl: BOUND_URL, fetch: (input, init) => object.fetch(urlOf(input), init) };
  }
  return { ...(apiKey === undefined ? {} : { apiKey }), baseUrl: BOUND_URL, fetch: (input, init) => binding.fetch(urlOf(input), init) };
}

const urlOf = (input: RequestInfo | URL) => (input instanceof Request ? input.url : `${input}`);

function isSettings(binding: SandboxBinding): binding is Exclude<SandboxBinding, SandboxNamespace | ServiceBinding> {
  return Object.getPrototypeOf(binding) === Object.prototype;
}

/** A service binding has a method of any name, so the class decides. */
function isNamespace(binding: SandboxNamespace | ServiceBinding): binding is SandboxNamespace {
  return !("fetch" in binding) || binding.constructor.name === "DurableObjectNamespace";
}
