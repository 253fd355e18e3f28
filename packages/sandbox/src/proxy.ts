//! URLs of exposed ports on a host of one's own.

import { direct, type ServiceBinding } from "./access.ts";

/** What `proxyToSandbox` finds in the environment of its Worker. */
export interface ProxyEnv {
  /** The host below which the service answers for ports, such as `preview.example.net`. A service on localhost has its own. */
  DOCLE_PREVIEW_HOST?: string;
  DOCLE_BASE_URL?: string;
  /** A service binding to a Worker of Docle. */
  DOCLE?: ServiceBinding;
}

/** The first part of the host of a port: its number, the sandbox, and the token unless it is public. */
const LABEL = /^\d{1,5}-[a-z2-7]{26}(-[a-z0-9_]{1,16})?$/;
const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Passes a request to the port of a sandbox, if its host is that of one: `exposePort(3000, { hostname })` gives URLs of this kind.
 * Resolves with `null` for every other request.
 */
export async function proxyToSandbox(request: Request, env: object): Promise<Response | null> {
  const url = new URL(request.url);
  const [label = ""] = url.hostname.split(".");
  if (!LABEL.test(label)) return null;
  // The environment of a Worker has what its configuration says, and all of these are optional.
  const { DOCLE, ...settings }: ProxyEnv = env;
  const host = previewHost(settings);
  if (host === undefined) return new Response("Set DOCLE_PREVIEW_HOST: the host below which the service answers for ports.\n", { status: 501 });
  const target = `${host.scheme}://${label}.${host.name}${url.pathname}${url.search}`;
  const passed = new Request(request, { redirect: "manual" });
  return DOCLE ? DOCLE.fetch(target, passed) : direct(target, passed);
}

function previewHost({ DOCLE_PREVIEW_HOST, DOCLE_BASE_URL }: Omit<ProxyEnv, "DOCLE">): { scheme: string; name: string } | undefined {
  if (DOCLE_PREVIEW_HOST !== undefined) return { scheme: schemeOf(DOCLE_PREVIEW_HOST), name: DOCLE_PREVIEW_HOST };
  const base = DOCLE_BASE_URL === undefined ? undefined : new URL(DOCLE_BASE_URL);
  return base && LOCAL.includes(base.hostname) ? { scheme: "http", name: `localhost${base.port === "" ? "" : `:${base.port}`}` } : undefined;
}

/** The URL of a port on another host, with its label. */
export function onHost(url: string, hostname: string): string {
  const [label = ""] = new URL(url).hostname.split(".");
  const name = hostname.replace(/^(127\.0\.0\.1|\[::1\])(?=:|$)/, "localhost");
  return `${schemeOf(name)}://${label}.${name}/`;
}

/** A development machine has no certificates. */
const schemeOf = (host: string) => (/^localhost(:|$)/.test(host) ? "http" : "https");
