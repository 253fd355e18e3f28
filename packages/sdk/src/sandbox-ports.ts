//! Ports that a sandbox exposes: what listens there has a URL.

import { sendForJson, type CallOptions, type Connection } from "./call.ts";
import type * as api from "./generated/api.ts";

/** How a port is exposed. */
export type PortOptions = Omit<Partial<api.PortSettings>, "port">;

/** The ports of a sandbox. */
export interface SandboxPorts {
  /** Gives what listens on a port a URL. Exposing it again keeps its token, unless the settings name one. */
  expose(port: number, settings?: PortOptions, options?: CallOptions): Promise<api.ExposedPort>;
  list(options?: CallOptions): Promise<api.ExposedPort[]>;
  get(port: number, options?: CallOptions): Promise<api.ExposedPort>;
  /** Gives it another token. The URL before is not found from then on. */
  rotate(port: number, options?: CallOptions): Promise<api.ExposedPort>;
  /** Takes its URL away. It may be repeated. */
  unexpose(port: number, options?: CallOptions): Promise<void>;
}

export function portsOf(connection: Connection, sandbox: string): SandboxPorts {
  const all = `${sandbox}/ports`;
  return {
    expose: (port, settings = {}, options = {}) => sendForJson(connection, all, { method: "POST", body: { port, ...settings }, ...options }),
    list: async (options = {}) => (await sendForJson<api.PortList>(connection, all, options)).ports,
    get: (port, options = {}) => sendForJson(connection, `${all}/${port}`, options),
    rotate: (port, options = {}) => sendForJson(connection, `${all}/${port}/rotate`, { method: "POST", ...options }),
    unexpose: (port, options = {}) => sendForJson<void>(connection, `${all}/${port}`, { method: "DELETE", ...options }),
  };
}
