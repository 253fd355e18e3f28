//! The platform around a run, with a runner that runs nothing: accounts, keys and limits are the same with or without.

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PROTOCOL } from "./jobs.ts";
import { until } from "./until.ts";
import { startWorker, type Worker } from "./worker.ts";

/** How a program has ended that did nothing. */
export const report = {
  status: "success",
  exitCode: 0,
  signal: null,
  truncated: { stdout: false, stderr: false },
  usage: { cpuMs: 1, memMB: 1, durationMs: 12, queueMs: 0, installMs: 0, blockedConnections: 0 },
};
const output = { type: "stdout", data: Buffer.from("1\n").toString("base64") };
const events = [{ type: "start" }, output, { type: "complete", report }].map((event) => `${JSON.stringify(event)}\n`).join("");

/** Speaks the runner's protocol and answers every job at once, as if it had printed 1. */
export async function startIdleRunner(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "docle-protocol": PROTOCOL, "content-type": "application/x-ndjson" }).end(events);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** A signed-in user: calls with their cookie. */
export interface User {
  cookie: string;
  email: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

let networks = 0;

/** An address from which nobody has called yet. */
export function newNetwork(): string {
  networks += 1;
  return `10.1.${networks >> 8}.${networks & 255}`;
}

export class Platform {
  readonly worker: Worker;
  readonly #runner: Server;

  private constructor(worker: Worker, runner: Server) {
    this.worker = worker;
    this.#runner = runner;
  }

  /** Starts the Worker; what it stores is in `state`, if that is named. `entry` is a module around worker.mjs. */
  static async start(vars: Record<string, string> = {}, state?: string, entry?: string): Promise<Platform> {
    const runner = await startIdleRunner();
    const url = `http://127.0.0.1:${(runner.address() as AddressInfo).port}`;
    return new Platform(await startWorker({ SANDBOX_URL: url, SANDBOX_SECRET: "idle", ...vars }, { state, entry }), runner);
  }

  async stop(): Promise<void> {
    await this.worker.stop();
    this.#stopRunner();
  }

  /** Ends the runtime without warning, as a crash would. */
  async crash(): Promise<void> {
    await this.worker.kill();
    this.#stopRunner();
  }

  #stopRunner(): void {
    this.#runner.closeAllConnections();
    this.#runner.close();
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.worker.url + path, { redirect: "manual", ...init });
  }

  /** Sends JSON, by POST unless told otherwise. */
  send(path: string, body: unknown, headers: Record<string, string> = {}, method = "POST"): Promise<Response> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return this.fetch(path, { method, headers: { "content-type": "application/json", ...headers }, body: text });
  }

  /** `POST /api/run` with a key. */
  run(key: string, headers: Record<string, string> = {}, body: unknown = { lang: "python", code: "print(1)" }): Promise<Response> {
    return this.send("/api/run", body, { authorization: `Bearer ${key}`, ...headers });
  }

  /** The token in the latest mail to an address; mails are sent after the answer. */
  async mailedToken(email: string): Promise<string> {
    let token: string | undefined;
    await until(`a mail to ${email}`, async () => {
      const { messages } = (await (await this.fetch("/auth/outbox")).json()) as { messages: { to: string; text: string }[] };
      token = messages.find(({ to }) => to === email)?.text.match(/token=([0-9a-f]{64})/)?.[1];
      return token !== undefined;
    });
    return token ?? "";
  }

  /** Signs in by mail. */
  async signIn(email: string): Promise<User> {
    const asked = await this.send("/auth/request", { email }, { "cf-connecting-ip": newNetwork() });
    assert.equal(asked.status, 200, await asked.text());
    const redeemed = await this.send("/auth/verify", { token: await this.mailedToken(email) });
    assert.equal(redeemed.status, 200, await redeemed.text());
    const cookie = redeemed.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const call: User["call"] = (method, path, body, headers = {}) => {
      const init = { method, headers: { cookie, "content-type": "application/json", ...headers } };
      return this.fetch(path, body === undefined ? init : { ...init, body: JSON.stringify(body) });
    };
    return { cookie, email, call };
  }
}

/** The JSON of an answer that has the expected status. */
export async function json(status: number, response: Response): Promise<any> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return text === "" ? undefined : JSON.parse(text);
}
