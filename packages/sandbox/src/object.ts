//! The Durable Object of the Worker that uses sandboxes: it has the key, and forwards calls to the service.

import { BOUND_URL, DEFAULT_URL, direct, type ServiceBinding } from "./access.ts";

/** What the object finds in the environment of its Worker. */
export interface SandboxEnv {
  /** The API key: a secret of the Worker. */
  DOCLE_API_KEY?: string;
  /** The address of the service, where it is not https://api.docle.co. */
  DOCLE_BASE_URL?: string;
  /** A service binding to a Worker of Docle, instead of the address. */
  DOCLE?: ServiceBinding;
}

/**
 * `export { Sandbox } from "@doclehq/sandbox"` makes it a class of the Worker, and a binding of this class is what `getSandbox` takes.
 * It stores nothing: the sandbox is at the service.
 */
export class Sandbox {
  /** The mark by which the types of Workers know a class for `DurableObjectNamespace<Sandbox>`. Nothing has it when the program runs. */
  declare readonly __DURABLE_OBJECT_BRAND: never;
  readonly #env: SandboxEnv;

  constructor(_state: unknown, env: SandboxEnv) {
    this.#env = env;
  }

  /** Sends a call of `getSandbox` to the service with the key, and any other request as it is. */
  async fetch(request: Request): Promise<Response> {
    const { DOCLE, DOCLE_API_KEY, DOCLE_BASE_URL = DEFAULT_URL } = this.#env;
    const send = DOCLE ? (url: string, init: Request) => DOCLE.fetch(url, init) : direct;
    if (!request.url.startsWith(`${BOUND_URL}/`)) return send(request.url, request);
    if (!DOCLE_API_KEY) return Response.json({ code: "missing_api_key", message: "The Worker has no DOCLE_API_KEY. Set it: npx wrangler secret put DOCLE_API_KEY" }, { status: 401 });
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${DOCLE_API_KEY}`);
    const url = DOCLE ? request.url : new URL(request.url.slice(BOUND_URL.length), DOCLE_BASE_URL).href;
    return send(url, new Request(request, { headers }));
  }
}
