//! The entry for sandboxes: the client of a project's sandboxes, and what belongs to them.

import { sendForJson, type CallOptions, type Connection } from "./call.ts";
import { CodeInterpreter, type CodeCallbacks, type CodeEvent, type Execution, type RunCellSettings } from "./code.ts";
import { connect, type DocleOptions } from "./connection.ts";
import type * as api from "./generated/api.ts";
import { query } from "./query.ts";
import { Sandbox, SANDBOXES } from "./sandbox.ts";

/**
 * The sandboxes of a project. It takes the settings of `Docle`.
 *
 * ```ts
 * const sandbox = await new Sandboxes().create({ key: "notebook" });
 * ```
 */
export class Sandboxes {
  readonly #connection: Connection;
  readonly #cells: CodeInterpreter;

  constructor(options: DocleOptions = {}) {
    this.#connection = connect(options);
    this.#cells = new CodeInterpreter(this.#connection, "/api/v1");
  }

  /** Makes a sandbox; with the `key` of one that is there, answers with that one. */
  async create(settings: api.SandboxSettings = {}, options: CallOptions = {}): Promise<Sandbox> {
    return new Sandbox(this.#connection, await sendForJson<api.Sandbox>(this.#connection, SANDBOXES, { method: "POST", body: settings, ...options }));
  }

  /** The sandbox with this id, or with `key:` and its key. */
  async get(id: string, options: CallOptions = {}): Promise<Sandbox> {
    return new Sandbox(this.#connection, await sendForJson<api.Sandbox>(this.#connection, at(id), options));
  }

  /** The sandboxes, the newest first. Further pages are read as they are needed. A call with a session names the project. */
  async *list(page: { limit?: number; project_id?: string } = {}, options: CallOptions = {}): AsyncGenerator<api.ListedSandbox, void, undefined> {
    let cursor: string | null | undefined;
    do {
      const { sandboxes, next_cursor } = await sendForJson<api.SandboxPage>(this.#connection, `${SANDBOXES}?${query({ ...page, cursor })}`, options);
      yield* sandboxes;
      cursor = next_cursor;
    } while (cursor);
  }

  /**
   * Runs a cell of code in an interpreter that is started for it and ends with it: no sandbox is made, and nothing is kept.
   *
   * ```ts
   * const { text } = await new Sandboxes().runCode("6 * 7");
   * ```
   */
  runCode(code: string, settings: RunCellSettings & CodeCallbacks = {}, options: CallOptions = {}): Promise<Execution> {
    return this.#cells.run(code, settings, options);
  }

  /** The same, and gives what the cell writes and shows as it comes. Leaving the events ends the cell. */
  runCodeStream(code: string, settings: RunCellSettings = {}, options: CallOptions = {}): AsyncGenerator<CodeEvent, void, undefined> {
    return this.#cells.stream(code, settings, options);
  }

  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await sendForJson<void>(this.#connection, at(id), { method: "DELETE", ...options });
  }
}

const at = (id: string) => `${SANDBOXES}/${encodeURIComponent(id)}`;

export type { DocleOptions } from "./connection.ts";
export { DocleConnectionError, DocleError, DocleTimeoutError } from "./errors.ts";
export { Result, type CodeCallbacks, type CodeContextSettings, type CodeEvent, type CodeOutput, type Execution, type ResultFormat, type RunCellSettings, type RunCodeSettings } from "./code.ts";
export { type Snapshots } from "./snapshots.ts";
export type { SandboxTerminal, TerminalExit, TerminalOptions } from "./sandbox-terminal.ts";
export type { PortOptions, SandboxPorts } from "./sandbox-ports.ts";
export type { ProcessCommand, ProcessEvent, SandboxProcesses, SandboxSessions } from "./sandbox-processes.ts";
export { Sandbox, type FileContent, type SandboxCommand, type SandboxEvent, type SandboxFiles } from "./sandbox.ts";
export type {
  BranchSettings,
  CodeContext,
  CodeError,
  CodeExecution,
  CodeRunRequest,
  CodeResult,
  ContextSettings,
  ExecRequest,
  ExecResult,
  ExecuteRequest,
  ExecuteResult,
  ExposedPort,
  FileListing,
  ListedSandbox,
  Process,
  ProcessLogs,
  ProcessStart,
  ProcessStatus,
  ProcessWait,
  SandboxChange,
  SandboxExecutionPage,
  SandboxFile,
  SandboxSession,
  SandboxSettings,
  SessionSettings,
  Snapshot,
  SnapshotChange,
  SnapshotDiff,
  SnapshotPage,
  SnapshotRestore,
  WaitResult,
} from "./generated/api.ts";
