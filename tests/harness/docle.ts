//! Docle as its users meet it: an address and a key, with the real runner behind the real Worker.

import assert from "node:assert/strict";
import { readEvents, type RunEvent } from "./events.ts";
import { projectSql } from "../../scripts/setup/development.mjs";
import { Containers, type ContainerOptions } from "./containers.ts";
import type { Artifact, FetchedRepository } from "./jobs.ts";
import { Runner, type RunnerHealth } from "./runner.ts";
import { until } from "./until.ts";
import { startWorker, type Worker } from "./worker.ts";

/** The result of a run, as `POST /api/run` answers it. */
export interface RunResult {
  id: string;
  ok: boolean;
  status: string;
  exitCode: number;
  signal: string | null;
  stdout: string;
  stderr: string;
  truncated: { stdout: boolean; stderr: boolean };
  usage: { cpuMs: number; memMB: number; durationMs: number; queueMs: number; installMs: number; blockedConnections: number };
  limit?: string;
  repo?: FetchedRepository;
  network?: { refused: string[] };
  hint?: string;
  compile?: { stdout: string; stderr: string; exitCode: number; durationMs: number; cpuMs: number };
  artifacts?: Artifact[];
  artifactsOmitted?: number;
  createdAt: string;
}

/** The body of every error. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  error: string;
  message: string;
  requestId: string;
  errors?: { field: string; message: string }[];
  signup_url?: string;
}

/** How the Worker reaches what runs programs: a runner outside, or containers. DOCLE_BACKEND chooses for a whole file. */
type Backend = Runner | Containers;

export class Docle {
  readonly #backend: Backend;
  #worker: Worker;

  private constructor(backend: Backend, worker: Worker) {
    this.#backend = backend;
    this.#worker = worker;
  }

  /** The Worker; another one after {@link restart}. */
  get worker(): Worker {
    return this.#worker;
  }

  /** Starts a Worker and what runs programs for it; `vars` are added to the Worker's. */
  static async start(vars: Record<string, string> = {}): Promise<Docle> {
    switch (process.env.DOCLE_BACKEND ?? "runner") {
      case "runner": {
        const runner = await Runner.start();
        return new Docle(runner, await startWorker({ SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret, ...vars }));
      }
      case "containers":
        return Docle.contained(vars, { grants: "platform" });
      default:
        throw new Error("DOCLE_BACKEND is runner or containers");
    }
  }

  /** Starts a Worker whose objects start real containers; what it stores is in `state`, if that is named. */
  static async contained(vars: Record<string, string> = {}, options: ContainerOptions = {}, state?: string): Promise<Docle> {
    const containers = await Containers.start(options);
    return new Docle(containers, await startWorker(vars, { state, containers: containers.settings }));
  }

  /** Starts another Workers runtime with the same engine, on what `state` holds. The first one may have died. */
  async restart(vars: Record<string, string>, state: string): Promise<void> {
    await this.#worker.stop();
    this.#worker = await startWorker(vars, { state, containers: this.containers.settings });
  }

  /** The runner outside. */
  get runner(): Runner {
    assert(this.#backend instanceof Runner, "this test needs a runner outside");
    return this.#backend;
  }

  /** The containers. */
  get containers(): Containers {
    assert(this.#backend instanceof Containers, "this test needs containers");
    return this.#backend;
  }

  /** What each runner says about itself. */
  runners(): Promise<RunnerHealth[]> {
    const backend = this.#backend;
    return Promise.all(backend instanceof Runner ? [backend.health()] : backend.running().map((box) => backend.health(box)));
  }

  /** What a program must not find: the runner's secret, and the runner at its address as seen from the program's machine. */
  hidden(): { secret: string; url: string } {
    const backend = this.#backend;
    if (backend instanceof Runner) return backend;
    const environment = backend.running().map(({ id }) => backend.docker("inspect", "--format", "{{json .Config.Env}}", id));
    return { secret: environment.join().match(/DOCLE_RUNNER_SECRET=(\w+)/)?.[1] ?? "", url: "http://127.0.0.1:8000" };
  }

  /** Whether no run is in progress anywhere. */
  async idle(): Promise<boolean> {
    return (await this.runners()).every(({ running }) => running === 0);
  }

  /** Makes a further project, with a key to it. */
  async addProject(id: string, key: string): Promise<void> {
    for (const statement of projectSql(key)) await this.worker.sql(statement.replaceAll("proj_dev", id));
  }

  async stop(): Promise<void> {
    await this.worker.stop();
    await this.#backend.stop();
  }

  /** Any request, without a key. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.worker.url + path, init);
  }

  /** `POST /api/run` with the key. A body that is not a string is sent as JSON. */
  post(body: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.worker.key}`, "content-type": "application/json", ...init.headers };
    return this.fetch("/api/run", { method: "POST", ...init, headers, body: typeof body === "string" ? body : JSON.stringify(body) });
  }

  /** Runs a program and answers with its result. */
  async run(body: unknown, init: RequestInit = {}): Promise<RunResult> {
    const response = await this.post(body, init);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text) as RunResult;
  }

  /** The result of a run, once it has ended and is recorded. */
  async recorded(id: unknown, seconds = 20): Promise<RunResult> {
    let run: Partial<RunResult> = {};
    await until("the record", async () => {
      const answer = await this.fetch(`/api/run/${id}`);
      if (answer.status === 200) run = (await answer.json()) as RunResult;
      else await answer.body?.cancel();
      return run.exitCode !== undefined;
    }, seconds);
    return run as RunResult;
  }

  /** Starts a program and answers with its events as they happen. */
  async stream(body: unknown, init: RequestInit = {}): Promise<AsyncGenerator<RunEvent>> {
    const response = await this.post(body, { ...init, headers: { accept: "text/event-stream", ...init.headers } });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8", response.ok ? "" : await response.text());
    return readEvents(response);
  }

  /** Sends what must be refused and answers with the problem. */
  async refused(status: number, body: unknown, init: RequestInit = {}): Promise<Problem> {
    return problem(status, await this.post(body, init));
  }
}

/** Reads an error response and checks what every one of them holds. */
export async function problem(status: number, response: Response): Promise<Problem> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = JSON.parse(text) as Problem;
  assert.equal(body.status, status);
  assert.equal(body.requestId, response.headers.get("x-request-id"));
  for (const field of ["type", "title", "detail", "instance", "code", "error", "message"] as const) {
    assert.ok(body[field], `${field} in ${text}`);
  }
  return body;
}
