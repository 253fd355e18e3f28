//! What the methods take and give, with the names that the classic SDK has for it.

/** What every result has. */
export interface BaseResult {
  success: boolean;
  exitCode: number;
  timestamp: string;
}

/** How a command ended. */
export interface ExecResult extends BaseResult {
  stdout: string;
  stderr: string;
  command: string;
  /** How long it took, in milliseconds. */
  duration: number;
  /** The session that executed it. */
  sessionId: string;
}

/** How a command is executed. */
export interface ExecOptions {
  /** Ends the command after so many milliseconds; 300,000, which is the most. */
  timeout?: number;
  /** Variables of this command alone. */
  env?: Record<string, string>;
  /** Where it is executed, this command alone. */
  cwd?: string;
  /** Standard input. */
  stdin?: string;
  /** Tells `onOutput` what the command writes as it comes. */
  stream?: boolean;
  /** Output is text. */
  encoding?: string;
  /** Ends the command. */
  signal?: AbortSignal;
  onOutput?: (stream: "stdout" | "stderr", data: string) => void;
  onComplete?: (result: ExecResult) => void;
  onError?: (error: Error) => void;
}

/** What a command does, event by event. */
export interface ExecEvent {
  type: "start" | "stdout" | "stderr" | "complete" | "error";
  timestamp: string;
  /** What it wrote. */
  data?: string;
  /** The command, when it starts. */
  command?: string;
  exitCode?: number;
  result?: ExecResult;
  /** Why it is not known how the command ended. */
  error?: string;
  sessionId: string;
}

export type ProcessStatus = "running" | "completed" | "failed" | "killed" | "error";

/** How a process is started. */
export interface ProcessOptions {
  /** A name of your own. */
  name?: string;
  cwd?: string;
  env?: Record<string, string>;
  /** Ends the process after so many milliseconds. */
  timeout?: number;
}

/** A process in the background. */
export interface Process {
  id: string;
  pid: number;
  command: string;
  status: ProcessStatus;
  startTime: Date;
  endTime?: Date;
  exitCode?: number;
  kill(signal?: string): Promise<void>;
  getStatus(): Promise<ProcessStatus>;
  getLogs(): Promise<{ stdout: string; stderr: string }>;
}

/** What a process writes, and its end. */
export interface LogEvent {
  type: "stdout" | "stderr" | "exit" | "error";
  timestamp: string;
  data: string;
  processId: string;
  exitCode?: number;
}

/** How the content of a file is written. */
export interface FileOptions {
  encoding?: "utf8" | "utf-8" | "base64";
  /** Nothing: a file comes and goes in one piece. */
  stream?: boolean;
}

export interface FileResult extends BaseResult {
  path: string;
}

export interface ReadFileResult extends FileResult {
  content: string;
  encoding: "utf-8" | "base64";
  /** In bytes. */
  size: number;
}

export interface MoveFileResult extends FileResult {
  newPath: string;
}

/** One entry of a directory. */
export interface FileInfo {
  name: string;
  absolutePath: string;
  type: "file" | "directory" | "symlink" | "other";
  size: number;
  modifiedAt: string;
  mode: string;
}

export interface ListFilesResult extends FileResult {
  files: FileInfo[];
  count: number;
}

/** Which state of a repository is fetched, and where to. */
export interface GitCheckoutOptions {
  branch?: string;
  targetDir?: string;
  depth?: number;
  /** A token that may read the repository, if it is not public. */
  token?: string;
  stream?: boolean;
}

export interface GitCheckoutResult extends BaseResult {
  repoUrl: string;
  branch?: string;
  targetDir?: string;
}

/** How a port is exposed. */
export interface ExposePortOptions {
  name?: string;
  /** The host of your Worker, whose `proxyToSandbox` then passes requests on; without it the service answers itself. */
  hostname?: string;
  /** A token of your own in the URL. */
  token?: string;
}

export interface ExposedPort {
  url: string;
  port: number;
  name?: string;
  exposedAt: string;
  status: "active";
}
