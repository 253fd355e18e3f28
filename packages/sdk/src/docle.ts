//! The client: everything that an API key can do, but for sandboxes, which have an entry of their own.

import { events } from "./batch.ts";
import { sendForJson, type Call, type CallOptions, type Connection, type ResponsePromise } from "./call.ts";
import { connect, type DocleOptions } from "./connection.ts";
import type * as api from "./generated/api.ts";
import { list, pending, wait, type PendingFilter, type RunFilter } from "./runs.ts";
import { RUNS, stream, type RunStreamEvent } from "./stream.ts";

export type { DocleOptions } from "./connection.ts";

/** Runs that were started before. */
export interface Runs {
  /** Reads a run: its result, which is kept for 7 days, or its state if it has not ended. */
  get(id: string, options?: CallOptions): ResponsePromise<api.StoredRun | api.PendingRun>;
  /** Resolves with the result of a run when it has ended. */
  wait(id: string, options?: CallOptions): Promise<api.StoredRun>;
  /** The runs of the project that have ended, the newest first; with a run token those that it started. Further pages are read as they are needed. */
  list(filter?: RunFilter, options?: CallOptions): AsyncGenerator<api.UsageRun, void, undefined>;
  /** The runs of the project that have not ended, the newest first; with a run token those that it started. */
  pending(filter?: PendingFilter, options?: CallOptions): Promise<api.ListedPendingRun[]>;
  /** Ends a run, and resolves with its result when it has ended. It may be called again. */
  cancel(id: string, options?: CallOptions): ResponsePromise<api.StoredRun>;
}

/** Scripts in JavaScript and TypeScript, each in an isolate of its own. */
export interface Isolates {
  /** Runs a script. */
  execute(script: api.ScriptRequest, options?: CallOptions): ResponsePromise<api.ScriptResult>;
  /** Checks a script without running it. */
  validate(script: api.Script, options?: CallOptions): ResponsePromise<api.Validation>;
}

/** Run tokens, for pages and programs that must not have the key. */
export interface Tokens {
  create(settings?: api.RunTokenSettings, options?: CallOptions): ResponsePromise<api.RunToken>;
}

/** Rooms, in which several people edit and run a program together. */
export interface Rooms {
  create(settings?: api.RoomSettings, options?: CallOptions): ResponsePromise<api.CreatedRoom>;
  /** One page of the project's rooms; `cursor` is the `next_cursor` of the page before. */
  list(page?: { limit?: number; cursor?: string }, options?: CallOptions): ResponsePromise<api.RoomPage>;
  delete(id: string, options?: CallOptions): ResponsePromise<void>;
  /** Makes a token with which a person can enter the room. */
  createToken(id: string, settings: api.RoomTokenSettings, options?: CallOptions): ResponsePromise<api.RoomToken>;
  /** Runs a program in the room, so that everybody in it sees the result. */
  run(id: string, program?: api.RoomProgram, options?: CallOptions): ResponsePromise<api.RoomRun>;
}

/** A client of the service. */
export class Docle {
  readonly runs: Runs;
  readonly isolates: Isolates;
  readonly tokens: Tokens;
  readonly rooms: Rooms;
  readonly #connection: Connection;

  constructor(options: DocleOptions = {}) {
    this.#connection = connect(options);
    const get = <T>(path: string, options?: CallOptions) => this.#send<T>(path, {}, options);
    const post = <T>(path: string, body: unknown, options?: CallOptions) => this.#send<T>(path, { method: "POST", body }, options);
    const room = (id: string) => `/api/rooms/${encodeURIComponent(id)}`;
    this.runs = {
      get: (id, options) => get(`${RUNS}/${encodeURIComponent(id)}`, options),
      wait: (id, options) => wait(this.#connection, id, options),
      list: (filter, options) => list(this.#connection, filter, options),
      pending: (filter, options) => pending(this.#connection, filter, options),
      cancel: (id, options) => this.#send(`${RUNS}/${encodeURIComponent(id)}`, { method: "DELETE" }, options),
    };
    this.isolates = {
      execute: (script, options) => post("/execute", script, options),
      validate: (script, options) => post("/validate", script, options),
    };
    this.tokens = { create: (settings = {}, options) => post("/api/tokens", settings, options) };
    this.rooms = {
      create: (settings = {}, options) => post("/api/rooms", settings, options),
      list: (page = {}, options) => get(`/api/rooms?${new URLSearchParams(Object.entries(page).map(([name, value]) => [name, `${value}`]))}`, options),
      delete: (id, options) => this.#send(room(id), { method: "DELETE" }, options),
      createToken: (id, settings, options) => post(`${room(id)}/tokens`, settings, options),
      run: (id, program = {}, options) => post(`${room(id)}/run`, program, options),
    };
  }

  /** Starts a run that goes on without its caller, and resolves with its id. */
  run(program: api.RunRequest & { detach: true }, options?: CallOptions): ResponsePromise<api.PendingRun>;
  /** Runs a program, and resolves with its result when it has ended. A program that fails is a result, too. */
  run(program: api.RunRequest & { detach?: false }, options?: CallOptions): ResponsePromise<api.RunResult>;
  run(program: api.RunRequest, options?: CallOptions): ResponsePromise<api.RunResult | api.PendingRun>;
  run(program: api.RunRequest, options: CallOptions = {}): ResponsePromise<api.RunResult | api.PendingRun> {
    return this.#send(RUNS, { method: "POST", body: program, idempotencyKey: crypto.randomUUID() }, options);
  }

  /**
   * Runs a program, and gives its output as it is written. If the connection breaks, the stream goes on where it was.
   *
   * ```ts
   * for await (const event of docle.stream({ lang: "python", code })) {
   *   if (event.type === "stdout") process.stdout.write(event.data);
   * }
   * ```
   */
  stream(program: api.RunRequest, options: CallOptions = {}): AsyncGenerator<RunStreamEvent, void, undefined> {
    return stream(this.#connection, RUNS, program, { idempotencyKey: crypto.randomUUID(), ...options });
  }

  /** Runs one program with many inputs, or many programs, and resolves with all results when they have ended. Aborting ends the runs in progress. */
  batch(batch: api.InputsRequest | api.BatchRequest, options?: CallOptions): ResponsePromise<api.BatchResult> {
    return this.#send(`${RUNS}/batch`, { method: "POST", body: batch }, options);
  }

  /** The results of a batch, each as its run ends. `index` is its place in the request. Leaving them ends the runs in progress. */
  streamBatch(batch: api.InputsRequest | api.BatchRequest, options: CallOptions = {}): AsyncGenerator<api.BatchRun, void, undefined> {
    return events(this.#connection, `${RUNS}/batch`, batch, options);
  }

  /** Runs a program against tests, and resolves with a verdict on each. */
  judge(judgement: api.JudgeRequest, options?: CallOptions): ResponsePromise<api.JudgeResult> {
    return this.#send(`${RUNS}/judge`, { method: "POST", body: judgement }, options);
  }

  /** The languages of the service, with their versions. */
  languages(options?: CallOptions): ResponsePromise<api.Languages> {
    return this.#send("/languages", {}, options);
  }

  /** Whether the service works. */
  health(options?: CallOptions): ResponsePromise<api.Health> {
    return this.#send("/health", {}, options);
  }

  #send<T>(path: string, call: Call, options: CallOptions = {}): ResponsePromise<T> {
    return sendForJson<T>(this.#connection, path, { ...call, ...options });
  }
}
