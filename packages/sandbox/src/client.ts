//! A sandbox as `getSandbox` gives it.

import { DocleError, type Sandbox } from "@doclehq/sdk/sandboxes";
import type { Access } from "./access.ts";
import { onHost } from "./proxy.ts";
import { ExecutionSession, type Hooks } from "./session.ts";
import type { ExposedPort, ExposePortOptions } from "./types.ts";

/** The session of commands that name none. */
const IMPLICIT = "default";
/** The port that requests are for where nothing else is said. */
const DEFAULT_PORT = 3_000;

/** A session to make. */
export interface SessionOptions {
  /** Its name: letters, digits, `-` and `_`. Without one it gets a random one. */
  name?: string;
  /** The same as `name`. */
  id?: string;
  /** Variables of its commands. */
  env?: Record<string, string>;
  /** Its first directory, which is made if it is missing. */
  cwd?: string;
  /** Nothing: variables, memory and descriptors of one session are hidden from all others anyway. */
  isolation?: boolean;
}

/** A sandbox. Its commands share one shell, the implicit session. */
export class SandboxClient extends ExecutionSession {
  readonly #access: Access;
  readonly #open: () => Promise<Sandbox>;
  readonly #reset: () => void;
  readonly #env: Record<string, string>;

  constructor(access: Access, open: () => Promise<Sandbox>) {
    let made: Promise<Sandbox> | undefined;
    const reset = () => void (made = undefined);
    const env: Record<string, string> = {};
    const hooks: Hooks = {};
    const connect = () =>
      (made ??= open().catch((error: unknown) => {
        // The next call tries again.
        reset();
        throw error;
      }));
    super(access, connect, { id: IMPLICIT, env }, hooks);
    this.#access = access;
    this.#open = connect;
    this.#reset = reset;
    this.#env = env;
  }

  /** Sets variables of all commands, processes, sessions and contexts. Others stay, and all stay with the sandbox. */
  override async setEnvVars(envVars: Record<string, string>): Promise<void> {
    await super.setEnvVars(envVars);
    // What runs already has its own.
    await (await this.#open()).setEnvVars(envVars);
  }

  /** Makes a session with a shell, variables and a directory of its own; one that is there is used as it is. */
  async createSession(options: SessionOptions = {}): Promise<ExecutionSession> {
    const { name, id = name ?? crypto.randomUUID(), env = {}, cwd } = options;
    const { sessions } = await this.#open();
    const directory = cwd === undefined ? {} : { cwd };
    if (cwd !== undefined) await this.mkdir(cwd, { recursive: true });
    await sessions.create({ id, env: { ...this.#env, ...env }, ...directory }).catch((error: unknown) => {
      if (!(error instanceof DocleError) || error.code !== "sandbox_session_exists") throw error;
    });
    return new ExecutionSession(this.#access, this.#open, { id, env: { ...this.#env, ...env }, ...directory }, this.client);
  }

  /** A session that was made before. */
  async getSession(id: string): Promise<ExecutionSession> {
    return new ExecutionSession(this.#access, this.#open, { id, env: {} }, this.client);
  }

  /** Ends the shell of a session with everything that it has started. */
  async deleteSession(id: string): Promise<void> {
    return (await this.#open()).sessions.delete(id);
  }

  /** Gives what listens on a port a URL. */
  async exposePort(port: number, { hostname, ...options }: ExposePortOptions = {}): Promise<ExposedPort> {
    return portOf(await (await this.#open()).ports.expose(port, options), hostname);
  }

  /** Takes the URL of a port away. */
  async unexposePort(port: number): Promise<void> {
    return (await this.#open()).ports.unexpose(port);
  }

  /** The ports that have a URL. */
  async getExposedPorts(hostname?: string): Promise<ExposedPort[]> {
    return (await (await this.#open()).ports.list()).map((port) => portOf(port, hostname));
  }

  /** Sends a request to what listens on a port, which is exposed for that, and answers with its response. */
  async containerFetch(input: Request | string | URL, init?: RequestInit | number, port: number = typeof init === "number" ? init : DEFAULT_PORT): Promise<Response> {
    const request = new Request(input instanceof Request ? input : new URL(`${input}`, "http://localhost"), typeof init === "number" ? undefined : init);
    const { ports } = await this.#open();
    const { url } = await ports.get(port).catch((error: unknown) => {
      if (error instanceof DocleError && error.code === "port_not_found") return ports.expose(port);
      throw error;
    });
    const { pathname, search } = new URL(request.url);
    return this.#access.fetch(new URL(`${pathname}${search}`, url).href, { method: request.method, headers: request.headers, redirect: "manual", ...(request.body === null ? {} : { body: await request.arrayBuffer() }) });
  }

  /** Starts the machine unless it runs. */
  async ping(): Promise<string> {
    await (await this.#open()).wake();
    return "pong";
  }

  /** Deletes the sandbox with its files. The next call makes a new one. */
  async destroy(): Promise<void> {
    await (await this.#open()).delete();
    this.#reset();
  }
}

function portOf({ url, port, name, createdAt }: { url: string; port: number; name: string | null; createdAt: string }, hostname: string | undefined): ExposedPort {
  return { url: hostname === undefined ? url : onHost(url, hostname), port, ...(name === null ? {} : { name }), exposedAt: createdAt, status: "active" };
}
