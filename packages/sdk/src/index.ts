//! The client of Docle: what the package exports.

export { Docle, type DocleOptions, type Isolates, type Rooms, type Runs, type Tokens } from "./docle.ts";
export { DocleConnectionError, DocleError, DocleTimeoutError } from "./errors.ts";
export type { CallOptions, ResponsePromise } from "./call.ts";
export { runSandbox, streamSandbox, type RunSandboxOptions } from "./run-sandbox.ts";
export type { PendingFilter, RunFilter } from "./runs.ts";
export { RunStore, type RunState, type RunStoreOptions } from "./run-store.ts";
export type { RunStreamEvent } from "./stream.ts";
export type {
  Artifact,
  BatchRequest,
  BatchResult,
  BatchRun,
  CreatedRoom,
  FetchedRepository,
  FieldError,
  Health,
  InputsRequest,
  JudgeRequest,
  JudgeResult,
  JudgeTest,
  JudgeVerdict,
  JudgedTest,
  Languages,
  PendingRun,
  Repository,
  RoomPage,
  RoomProgram,
  RoomRun,
  RoomSettings,
  RoomToken,
  RoomTokenSettings,
  RunRequest,
  RunResult,
  RunToken,
  RunTokenSettings,
  Script,
  ScriptRequest,
  ScriptResult,
  StoredRun,
  UsageRun,
  Validation,
} from "./generated/api.ts";
