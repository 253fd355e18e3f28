//! What a session of a sandbox does. The sandbox itself is its implicit session.

import { DocleError, type CodeCallbacks, type CodeContext, type CodeContextSettings, type ExecRequest, type ExecResult as Ended, type Execution, type RunCodeSettings, type Sandbox } from "@doclehq/sdk/sandboxes";
import type { Access } from "./access.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { Processes } from "./processes.ts";
import { streamOf } from "./streams.ts";
import type { ExecEvent, ExecOptions, ExecResult, FileOptions, FileResult, GitCheckoutOptions, GitCheckoutResult, ListFilesResult, MoveFileResult, Process, ProcessOptions, ReadFileResult } from "./types.ts";

/** How long a command may take where nothing is said, in milliseconds, and how much it may write to each stream, in bytes: the most of the service. */
const MOST = { timeoutMs: 300_000, maxOutputBytes: 10 << 20 };

/** What an error of the service says. */
type Problem = ConstructorParameters<typeof DocleError>[1];

const NOT_IMPLEMENTED = { code: "not_implemented", message: "This service cannot check repositories out." } as unknown as Problem;

/** Functions that are told of every command of a sandbox, for debugging. */
export interface Hooks {
  onCommandStart?: (command: string, args: string[]) => void;
  onOutput?: (stream: "stdout" | "stderr", data: string) => void;
  onCommandComplete?: (success: boolean, exitCode: number) => void;
}

/** The session of which a client speaks. */
export interface SessionScope {
  id: string;
  env: Record<string, string>;
  cwd?: string;
}

/** A shell of a sandbox whose directory and variables stay from one command to the next, and everything else that a sandbox can do. */
export class ExecutionSession {
  /** The name of the session. */
  readonly id: string;
  /** Functions that are told of every command. */
  readonly client: Hooks;
  readonly #connect: () => Promise<Sandbox>;
  readonly #access: Access;
  readonly #scope: SessionScope;
  readonly #processes: Processes;

  constructor(access: Access, connect: () => Promise<Sandbox>, scope: SessionScope, hooks: Hooks) {
    this.id = scope.id;
    this.client = hooks;
    this.#connect = connect;
    this.#access = access;
    this.#scope = scope;
    this.#processes = new Processes(connect);
  }

  /** Executes a command, and resolves when it has ended. A command that fails is a result, too. */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** Executes a program with arguments that no shell reads. */
  exec(command: string, args: string[], options?: ExecOptions): Promise<ExecResult>;
  async exec(command: string, second: string[] | ExecOptions = {}, third: ExecOptions = {}): Promise<ExecResult> {
    const [args, options] = Array.isArray(second) ? [second, third] : [undefined, second];
    this.client.onCommandStart?.(command, args ?? []);
    try {
      const result = await this.#exec(this.#requestOf(command, args, options), options);
      this.client.onCommandComplete?.(result.success, result.exitCode);
      options.onComplete?.(result);
      return result;
    } catch (error) {
      options.onError?.(error instanceof Error ? error : new Error(`${error}`));
      throw error;
    }
  }

  /** Executes a command, and gives server-sent events as it writes. Cancelling the stream ends the command. */
  async execStream(command: string, options: ExecOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const sandbox = await this.#connect();
    this.client.onCommandStart?.(command, []);
    return streamOf((signal) => this.#events(sandbox, this.#requestOf(command, undefined, options), { ...options, signal }), options.signal);
  }

  async #exec(request: ExecRequest, options: ExecOptions): Promise<ExecResult> {
    const sandbox = await this.#connect();
    const { onOutput } = options;
    if (!options.stream && onOutput === undefined && this.client.onOutput === undefined) return this.#resultOf(await sandbox.exec(request, callOf(options)));
    const told = { stdout: "", stderr: "" };
    for await (const event of this.#events(sandbox, request, options)) {
      if (event.type === "stdout" || event.type === "stderr") {
        told[event.type] += event.data ?? "";
        onOutput?.(event.type, event.data ?? "");
      }
      if (event.result !== undefined) return { ...event.result, ...told };
      if (event.type === "error") throw new Error(event.error);
    }
    throw new Error("The stream ended before the command did.");
  }

  async *#events(sandbox: Sandbox, request: ExecRequest, options: ExecOptions): AsyncGenerator<ExecEvent, void, undefined> {
    const sessionId = this.id;
    for await (const event of sandbox.stream(request, callOf(options))) {
      const { type, timestamp } = event;
      if (type === "stdout" || type === "stderr") {
        this.client.onOutput?.(type, event.data);
        yield { type, timestamp, data: event.data, sessionId };
      } else if (type === "start") yield { type, timestamp, command: event.command, sessionId };
      else if (type === "complete") yield { type, timestamp, exitCode: event.exitCode, result: this.#resultOf(event), sessionId };
      else if (type === "error") yield { type, timestamp, error: event.message, sessionId };
    }
  }

  #requestOf(command: string, args: string[] | undefined, { timeout, cwd, env, stdin }: ExecOptions): ExecRequest {
    const variables = { ...this.#scope.env, ...env };
    return {
      ...(args === undefined ? { command } : { argv: [command, ...args] }),
      session: this.id,
      ...MOST,
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      ...(cwd === undefined ? {} : { cwd }),
      ...(stdin === undefined ? {} : { stdin }),
      ...(Object.keys(variables).length === 0 ? {} : { env: variables }),
    };
  }

  #resultOf({ success, exitCode, stdout, stderr, command, durationMs, timestamp }: Ended): ExecResult {
    return { success, exitCode, stdout, stderr, command, duration: durationMs, timestamp, sessionId: this.id };
  }

  /** Sets variables of every later command, process and context of this object. */
  async setEnvVars(envVars: Record<string, string>): Promise<void> {
    Object.assign(this.#scope.env, envVars);
  }

  /** Starts a process that goes on in the background. */
  startProcess(command: string, options: ProcessOptions = {}): Promise<Process> {
    const { env, cwd } = this.#scope;
    return this.#processes.start(command, { ...(cwd === undefined ? {} : { cwd }), ...options, env: { ...env, ...options.env } });
  }

  listProcesses(): Promise<Process[]> {
    return this.#processes.list();
  }

  /** One process; `null` if there is none with this id. */
  getProcess(id: string): Promise<Process | null> {
    return this.#processes.get(id);
  }

  /** Ends a process and everything that it has started; with a signal it only gets this signal. */
  killProcess(id: string, signal?: string): Promise<void> {
    return this.#processes.kill(id, signal);
  }

  /** Ends all processes; resolves with their number. */
  killAllProcesses(): Promise<number> {
    return this.#processes.killAll();
  }

  /** Takes processes that have ended from the list; resolves with their number. */
  cleanupCompletedProcesses(): Promise<number> {
    return this.#processes.cleanup();
  }

  getProcessLogs(id: string): Promise<{ stdout: string; stderr: string; processId: string }> {
    return this.#processes.logs(id);
  }

  /** What a process has written and writes, as server-sent events, until it ends. */
  streamProcessLogs(id: string, options: { signal?: AbortSignal } = {}): Promise<ReadableStream<Uint8Array>> {
    return this.#processes.stream(id, options);
  }

  async writeFile(path: string, content: string, { encoding }: FileOptions = {}): Promise<FileResult> {
    const { files } = await this.#connect();
    const written = await files.write(path, encoding === "base64" ? fromBase64(content) : content);
    return { ...done(), path: written.path };
  }

  async readFile(path: string, { encoding }: FileOptions = {}): Promise<ReadFileResult> {
    const { files } = await this.#connect();
    const bytes = await files.read(path);
    const isBase64 = encoding === "base64";
    return { ...done(), path, content: isBase64 ? toBase64(bytes) : new TextDecoder().decode(bytes), encoding: isBase64 ? "base64" : "utf-8", size: bytes.length };
  }

  async mkdir(path: string, { recursive = false }: { recursive?: boolean; stream?: boolean } = {}): Promise<FileResult & { recursive: boolean }> {
    const { files } = await this.#connect();
    return { ...done(), path: (await files.mkdir(path, { recursive })).path, recursive };
  }

  async deleteFile(path: string, _options: { stream?: boolean } = {}): Promise<FileResult> {
    const { files } = await this.#connect();
    await files.delete(path);
    return { ...done(), path };
  }

  async renameFile(oldPath: string, newPath: string, _options: { stream?: boolean } = {}): Promise<MoveFileResult> {
    const { files } = await this.#connect();
    return { ...done(), path: oldPath, newPath: (await files.move(oldPath, newPath)).path };
  }

  /** Moves a file; into a directory that is there it comes under its own name. */
  async moveFile(sourcePath: string, destinationPath: string, _options: { stream?: boolean } = {}): Promise<MoveFileResult> {
    const { files } = await this.#connect();
    const isInto = (await this.#typeOf(destinationPath)) === "directory";
    const target = isInto ? `${destinationPath}/${sourcePath.split("/").findLast((name) => name !== "") ?? ""}` : destinationPath;
    return { ...done(), path: sourcePath, newPath: (await files.move(sourcePath, target)).path };
  }

  async listFiles(path: string, { recursive = false, includeHidden = false }: { recursive?: boolean; includeHidden?: boolean } = {}): Promise<ListFilesResult> {
    const { files } = await this.#connect();
    const { entries = [] } = await files.list(path, { recursive, hidden: includeHidden });
    const all = entries.map(({ name, path, type, size, modifiedAt, mode }) => ({ name, absolutePath: path, type, size, modifiedAt, mode }));
    return { ...done(), path, files: all, count: all.length };
  }

  async exists(path: string): Promise<FileResult & { exists: boolean }> {
    return { ...done(), path, exists: (await this.#typeOf(path)) !== undefined };
  }

  async #typeOf(path: string): Promise<string | undefined> {
    const { files } = await this.#connect();
    try {
      return (await files.list(path)).entry.type;
    } catch (error) {
      if (error instanceof DocleError && error.code === "file_not_found") return undefined;
      throw error;
    }
  }

  /** Fetches a git repository into a directory. */
  async gitCheckout(repoUrl: string, { branch, targetDir, depth, token }: GitCheckoutOptions = {}): Promise<GitCheckoutResult> {
    const { id } = await this.#connect();
    const { apiKey, baseUrl, fetch } = this.#access;
    const response = await fetch(new URL(`/api/v1/sandboxes/${id}/git/checkout`, baseUrl).href, {
      method: "POST",
      headers: { "content-type": "application/json", ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
      body: JSON.stringify({ url: repoUrl, branch, dir: targetDir, depth, token }),
    });
    if (response.ok) return { ...done(), repoUrl, ...(branch === undefined ? {} : { branch }), ...(targetDir === undefined ? {} : { targetDir }) };
    const problem = (await response.json().catch(() => ({}))) as Problem;
    const isMissing = problem.code === "not_found";
    throw new DocleError(isMissing ? 501 : response.status, isMissing ? NOT_IMPLEMENTED : problem, response.headers);
  }

  /** Makes a context, which keeps what one cell of code has made for the next. */
  async createCodeContext(options: CodeContextSettings = {}): Promise<CodeContext> {
    const { env, cwd } = this.#scope;
    return (await this.#connect()).createCodeContext({ ...(cwd === undefined ? {} : { cwd }), ...options, env: { ...env, ...options.env } });
  }

  /** Runs a cell of code to its end, and tells the callbacks what it writes and shows meanwhile. */
  async runCode(code: string, options: RunCodeSettings & CodeCallbacks = {}): Promise<Execution> {
    return (await this.#connect()).runCode(code, { ...MOST, ...options });
  }

  /** Runs a cell of code, and gives server-sent events. Cancelling the stream interrupts the cell. */
  async runCodeStream(code: string, options: RunCodeSettings = {}): Promise<ReadableStream<Uint8Array>> {
    const sandbox = await this.#connect();
    return streamOf((signal) => sandbox.runCodeStream(code, { ...MOST, ...options }, { signal }), undefined);
  }

  async listCodeContexts(): Promise<CodeContext[]> {
    return (await this.#connect()).listCodeContexts();
  }

  async deleteCodeContext(contextId: string): Promise<void> {
    return (await this.#connect()).deleteCodeContext(contextId);
  }
}

const callOf = ({ signal }: ExecOptions) => (signal === undefined ? {} : { signal });

/** What a result of an operation without a program has. */
const done = () => ({ success: true, exitCode: 0, timestamp: new Date().toISOString() });
