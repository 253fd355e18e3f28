//! How calls are sent.

import type { DocleOptions } from "@doclehq/sdk/sandboxes";

/** A service binding to a Worker of Docle. */
export interface ServiceBinding {
  fetch(input: string, init?: RequestInit): Promise<Response>;
}

/** Where calls through a binding go. The host matters to nobody: who answers is bound. */
export const BOUND_URL = "http://docle.internal";

/** The address of the service where nothing else is said. */
export const DEFAULT_URL = "https://api.docle.co";

/** The settings of a client, and how it sends calls. */
export interface Access extends DocleOptions {
  baseUrl: string;
  fetch: typeof fetch;
}

/** The platform's `fetch`, which works with its own `this` only. */
export const direct = (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => globalThis.fetch(input, init);
