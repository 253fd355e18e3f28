//! The way to a runner, which a test can hold up or cut.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What does not come through: what callers send, or what the runner answers. */
type Delayed = "requests" | "answers";

interface Connection {
  caller: Socket;
  runner: Socket;
  /** The direction in which nothing more comes through until {@link Way.release}. */
  held?: Delayed;
  kept: Buffer[];
}

export class Way {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  #runner = new URL("http://127.0.0.1:1");
  /** What is held up on connections on which something comes from now on. */
  holds: Delayed | undefined;

  private constructor() {
    this.#server = createServer((caller) => this.#carry(caller));
  }

  static async start(): Promise<Way> {
    const way = new Way();
    way.#server.listen(0, "127.0.0.1");
    await once(way.#server, "listening");
    return way;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Where it leads. */
  leadTo(runner: string): void {
    this.#runner = new URL(runner);
  }

  /** How many connections something is held up on. */
  get heldUp(): number {
    return Array.from(this.#connections).filter(({ held }) => held !== undefined).length;
  }

  /** Cuts the connections on which something is held up. */
  cut(): void {
    for (const { caller, runner, held } of this.#connections) {
      if (held === undefined) continue;
      caller.destroy();
      runner.destroy();
    }
  }

  /** Lets the one request through that was held up, whose caller may be gone; answers with what the runner says to it. */
  async release(): Promise<string> {
    const [connection, ...more] = Array.from(this.#connections).filter(({ held }) => held === "requests");
    assert(connection !== undefined && more.length === 0, "one request is held up");
    const { runner, kept } = connection;
    delete connection.held;
    runner.write(Buffer.concat(kept));
    const [answer] = (await once(runner, "data")) as [Buffer];
    runner.destroy();
    return answer.toString();
  }

  async stop(): Promise<void> {
    for (const { caller, runner } of this.#connections) for (const end of [caller, runner]) end.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #carry(caller: Socket): void {
    const runner = connect(Number(this.#runner.port), this.#runner.hostname);
    const connection: Connection = { caller, runner, kept: [] };
    this.#connections.add(connection);
    const comesThrough = (what: Delayed) => {
      if (this.holds === what) connection.held = what;
      return connection.held !== what;
    };
    caller.on("data", (chunk: Buffer) => void (comesThrough("requests") ? runner.write(chunk) : connection.kept.push(chunk)));
    runner.on("data", (chunk: Buffer) => void (comesThrough("answers") && caller.write(chunk)));
    // An end that is cut reports what was cut off, too; there is nobody to tell.
    for (const end of [caller, runner]) end.on("error", () => {});
    caller.on("close", () => connection.held === "requests" || runner.destroy());
    runner.on("close", () => (this.#connections.delete(connection), caller.destroy()));
  }
}
