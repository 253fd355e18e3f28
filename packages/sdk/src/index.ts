//! The client of Docle: what the package exports.

export { Docle, type DocleOptions, type Isolates, type Rooms, type Runs, type Tokens } from "./docle.ts";
export { DocleConnectionError, DocleError, DocleTimeoutError } from "./errors.ts";
export type { CallOptions, ResponsePromise } from "./call.ts";
export { runSandbox, streamSandbox, type RunSandboxOptions } from "./run-sandbox.ts";
export type { RunFilter } from "./runs.ts";
export { RunStore, type RunState, type RunStoreOptions } from "./run-store.ts";
export { Result, type CodeCallbacks, type CodeContextSettings, type CodeEvent, type CodeOutput, type Execution, type ResultFormat, type RunCodeSettings } from "./code.ts";
export { type Snapshots } from "./snapshots.ts";
export type { ProcessCommand, ProcessEvent, SandboxProcesses, SandboxSessions } from "./sandbox-processes.ts";
export { Sandbox, type FileContent, type SandboxCommand, type SandboxEvent, type SandboxFiles, type Sandboxes } from "./sandboxes.ts";
export type { RunStreamEvent } from "./stream.ts";
export type {
  Artifact,
  BatchRequest,
  BatchResult,
  BatchRun,
  CodeContext,
  CodeError,
  CodeExecution,
  CodeResult,
  ContextSettings,
  CreatedRoom,
  ExecRequest,
  ExecResult,
  ExecuteRequest,
  ExecuteResult,
  ExecutionPage,
  FieldError,
  FileListing,
  Health,
  InputsRequest,
  JudgeRequest,
  JudgeResult,
  JudgeTest,
  JudgeVerdict,
  JudgedTest,
  Languages,
  ListedSandbox,
  PendingRun,
  Process,
  ProcessLogs,
  ProcessStart,
  ProcessStatus,
  ProcessWait,
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
  SandboxChange,
  SandboxFile,
  SandboxSession,
  SandboxSettings,
  Snapshot,
  SnapshotChange,
  SnapshotDiff,
  SnapshotPage,
  SnapshotRestore,
  Script,
  ScriptRequest,
  ScriptResult,
  SessionSettings,
  StoredRun,
  UsageRun,
  Validation,
  WaitResult,
} from "./generated/api.ts";
