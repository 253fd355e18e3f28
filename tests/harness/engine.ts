//! The container engine as the Workers runtime meets it: the real one, behind a socket that can add grants and faults.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/**
 * What containers may do: what an engine grants by default, or what the platform does. The Workers runtime's own tools
 * give local containers the latter (SYS_ADMIN, no AppArmor) wherever the engine is in a machine of its own, as on macOS.
 */
export type Grants = "default" | "platform";

export interface EngineOptions {
  grants?: Grants;
  /** MiB of memory of each container. */
  memoryMB?: number;
  /** Containers at once, as `max_instances` of a deployment; a further one is refused. Local tools know no such limit. */
  maxInstances?: number;
}

/** The part of a container's description that is changed here. */
interface Creation {
  Image: string;
  HostConfig: { CapAdd?: string[]; SecurityOpt?: string[]; Memory?: number; MemorySwap?: number };
}

/** A proxy in front of the engine. Containers of the images that are not `ours` pass untouched. */
export class EngineProxy {
  /** How many of the next starts of our containers fail. */
  failStarts = 0;
  /** Ids of our containers, in the order in which they were started. */
  readonly started: string[] = [];
  readonly #server: Server;
  readonly #directory: string;
  readonly #ours = new Set<string>();
  /** Names of those that exist, or are about to. */
  readonly #present = new Set<string>();

  private constructor(engine: string, image: string, options: EngineOptions) {
    mkdirSync(tmpdir(), { recursive: true });
    this.#directory = mkdtempSync(join(tmpdir(), "docle-engine-"));
    this.#server = createServer((incoming, answer) => void this.#pass(engine, image, options, incoming, answer));
  }

  /** Starts one; `engine` is the engine's own socket, `image` the one that is ours. */
  static async start(engine: string, image: string, options: EngineOptions = {}): Promise<EngineProxy> {
    const proxy = new EngineProxy(engine.replace(/^unix:\/\//, ""), image, options);
    await new Promise<void>((resolve) => proxy.#server.listen(join(proxy.#directory, "socket"), resolve));
    return proxy;
  }

  get socket(): string {
    return `unix://${join(this.#directory, "socket")}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #pass(socketPath: string, image: string, options: EngineOptions, incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = incoming;
    const refuse = (message: string) => {
      incoming.resume();
      answer.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify({ message }));
    };
    if (this.#isOneTooMany(method, url, options)) return refuse("there is no container instance that can be provided");
    const name = url.match(/\/containers\/([^/?]+)\/start/)?.[1];
    if (name !== undefined && this.#ours.has(name)) {
      if (this.failStarts > 0) {
        this.failStarts -= 1;
        return refuse("the test says no");
      }
      this.started.push(name);
    }
    const creation = /\/containers\/create/.test(url) ? (JSON.parse(await text(incoming)) as Creation) : undefined;
    const body = creation && JSON.stringify(creation.Image === image ? grant(creation, options) : creation);
    const more = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
    const passed = request({ socketPath, method, path: url, headers: { ...headers, ...more } }, (response) => {
      if (creation?.Image === image) this.#ours.add(new URL(url, "http://engine").searchParams.get("name") ?? "");
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    if (body === undefined) incoming.pipe(passed);
    else passed.end(body);
  }

  /** Counts containers as they come and go. One is refused with its side-car, which comes first, so that it costs nothing. */
  #isOneTooMany(method: string, url: string, { maxInstances = Infinity }: EngineOptions): boolean {
    const { pathname, searchParams } = new URL(url, "http://engine");
    const removed = method === "DELETE" ? pathname.match(/\/containers\/([^/]+)$/)?.[1] : undefined;
    if (removed !== undefined) this.#present.delete(removed);
    if (!pathname.endsWith("/containers/create")) return false;
    const name = (searchParams.get("name") ?? "").replace(/-proxy$/, "");
    if (!this.#present.has(name) && this.#present.size >= maxInstances) return true;
    this.#present.add(name);
    return false;
  }
}

/** A container's description with what the options add. */
function grant(creation: Creation, { grants, memoryMB }: EngineOptions): Creation {
  const added: Creation["HostConfig"] = {};
  if (grants === "platform") Object.assign(added, { CapAdd: ["SYS_ADMIN"], SecurityOpt: ["apparmor=unconfined"] });
  if (memoryMB !== undefined) Object.assign(added, { Memory: memoryMB * 2 ** 20, MemorySwap: memoryMB * 2 ** 20 });
  return { ...creation, HostConfig: { ...creation.HostConfig, ...added } };
}
