//! One sandbox: a machine whose files stay.

import { limited, send, sendForJson, type Call, type CallOptions, type Connection } from "./call.ts";
import { CodeInterpreter, type CodeCallbacks, type CodeContextSettings, type CodeEvent, type Execution, type RunCodeSettings } from "./code.ts";
import { DocleConnectionError } from "./errors.ts";
import type * as api from "./generated/api.ts";
import { query } from "./query.ts";
import { download, streamOf } from "./sandbox-content.ts";
import { snapshotsOf, type Snapshots } from "./snapshots.ts";
import { portsOf, type SandboxPorts } from "./sandbox-ports.ts";
import { processesOf, sessionsOf, type SandboxProcesses, type SandboxSessions } from "./sandbox-processes.ts";
import { connectTerminal, type SandboxTerminal, type TerminalOptions } from "./sandbox-terminal.ts";
import { dataOf } from "./stream.ts";

/** Where the sandboxes are. */
export const SANDBOXES = "/api/v1/sandboxes";

/** A command: a line for `bash -c`, or more about it. */
export type SandboxCommand = string | api.ExecRequest;

/** What a command does: `start`, output as it is written, and `complete` or `error`. */
export type SandboxEvent = api.ExecStreamEvent;

/** The bytes of a file. */
export type FileContent = string | Uint8Array | ReadableStream<Uint8Array> | Blob;

/** The files of a sandbox. Paths are absolute, or below `/workspace`. */
export interface SandboxFiles {
  /** What a path is and, if it is a directory, what is in it. */
  list(path?: string, settings?: { recursive?: boolean; hidden?: boolean }, options?: CallOptions): Promise<api.FileListing>;
  /** The content as text. */
  readText(path: string, options?: CallOptions): Promise<string>;
  read(path: string, options?: CallOptions): Promise<Uint8Array>;
  /** The content as it comes. */
  stream(path: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** Writes a file, in place of what is there. Missing directories are made. */
  write(path: string, content: FileContent, options?: CallOptions): Promise<api.SandboxFile>;
  /** Looks for a text, or for a regular expression, in names and lines. */
  search(text: string, settings?: { path?: string; regex?: boolean; hidden?: boolean; limit?: number }, options?: CallOptions): Promise<api.SearchResult>;
  /** A directory with everything in it as a tar archive, as it comes. */
  download(path?: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** Unpacks a tar archive into a directory. Files take the place of those with their names, and all others stay. */
  upload(archive: FileContent, path?: string, options?: CallOptions): Promise<api.SandboxFile>;
  mkdir(path: string, settings?: { recursive?: boolean }, options?: CallOptions): Promise<api.SandboxFile>;
  move(from: string, to: string, settings?: { overwrite?: boolean }, options?: CallOptions): Promise<api.SandboxFile>;
  copy(from: string, to: string, settings?: { overwrite?: boolean }, options?: CallOptions): Promise<api.SandboxFile>;
  /** Sets the permission bits, such as `"755"`. */
  chmod(path: string, mode: string, options?: CallOptions): Promise<api.SandboxFile>;
  delete(path: string, settings?: { recursive?: boolean }, options?: CallOptions): Promise<void>;
}

/** One sandbox. */
export class Sandbox {
  readonly id: string;
  readonly files: SandboxFiles;
  readonly #code: CodeInterpreter;
  readonly snapshots: Snapshots;
  /** Processes in the background. */
  readonly processes: SandboxProcesses;
  /** URLs of what listens in it. */
  readonly ports: SandboxPorts;
  /** Shells that keep what commands set. */
  readonly sessions: SandboxSessions;
  /** What was known of it when it was last read. */
  info: api.Sandbox;
  readonly #connection: Connection;
  readonly #path: string;

  constructor(connection: Connection, info: api.Sandbox) {
    this.#connection = connection;
    this.info = info;
    this.id = info.id;
    this.#path = `${SANDBOXES}/${info.id}`;
    this.files = filesOf(connection, this.#path);
    this.#code = new CodeInterpreter(connection, this.#path);
    this.snapshots = snapshotsOf(connection, this.#path);
    this.processes = processesOf(connection, this.#path);
    this.ports = portsOf(connection, this.#path);
    this.sessions = sessionsOf(connection, this.#path);
  }

  /** Executes a command, and resolves when it has ended. A command that fails is a result, too. */
  exec(command: SandboxCommand, options: CallOptions = {}): Promise<api.ExecResult> {
    return this.#json("/exec", { method: "POST", body: requestOf(command), ...options });
  }

  /** Executes a command, and gives its output as it is written. Leaving the events ends the command. */
  async *stream(command: SandboxCommand, options: CallOptions = {}): AsyncGenerator<SandboxEvent, void, undefined> {
    const { signal, release } = limited(this.#connection, options);
    const call: Call = { method: "POST", body: requestOf(command), accept: "text/event-stream", ...options };
    try {
      const response = await send(this.#connection, `${this.#path}/exec`, call, signal);
      for await (const event of dataOf<SandboxEvent>(response)) {
        yield event;
        if (event.type === "complete" || event.type === "error") return;
      }
      throw new DocleConnectionError(new Error("The stream ended before the command did."));
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      release();
    }
  }

  /** Connects to the terminal of a session, with a shell that is started if there is none. */
  terminal(options: TerminalOptions = {}): SandboxTerminal {
    return connectTerminal(this.#connection, this.#path, options);
  }

  /** Runs a file in the language of its ending, or else in that of the sandbox. */
  execute(file: string, settings: Omit<api.ExecuteRequest, "file_path"> = {}, options: CallOptions = {}): Promise<api.ExecuteResult> {
    return this.#json("/execute", { method: "POST", body: { file_path: file, ...settings }, ...options });
  }

  /** Makes an interpreter that keeps what one cell has made for the next. */
  createCodeContext(settings: CodeContextSettings = {}, options: CallOptions = {}): Promise<api.CodeContext> {
    return this.#code.createContext(settings, options);
  }

  /** The contexts, the oldest first; none while it sleeps. */
  listCodeContexts(options: CallOptions = {}): Promise<api.CodeContext[]> {
    return this.#code.listContexts(options);
  }

  /** Ends a context with everything that its cells have started. */
  deleteCodeContext(context: string | Pick<api.CodeContext, "id">, options: CallOptions = {}): Promise<void> {
    return this.#code.deleteContext(context, options);
  }

  /** Starts the interpreter of a context anew, empty. */
  restartCodeContext(context: string | Pick<api.CodeContext, "id">, options: CallOptions = {}): Promise<api.CodeContext> {
    return this.#code.restartContext(context, options);
  }

  /** Interrupts the cell that runs in a context, as Ctrl-C does. */
  interruptCodeContext(context: string | Pick<api.CodeContext, "id">, options: CallOptions = {}): Promise<void> {
    return this.#code.interruptContext(context, options);
  }

  /** Runs a cell of code to its end, and tells the callbacks what it writes and shows meanwhile. */
  runCode(code: string, settings: RunCodeSettings & CodeCallbacks = {}, options: CallOptions = {}): Promise<Execution> {
    return this.#code.run(code, settings, options);
  }

  /** Runs a cell of code, and gives what it writes and shows as it comes. Leaving the events interrupts the cell. */
  runCodeStream(code: string, settings: RunCodeSettings = {}, options: CallOptions = {}): AsyncGenerator<CodeEvent, void, undefined> {
    return this.#code.stream(code, settings, options);
  }

  /** One page of the executions, the newest first. */
  executions(page: { limit?: number; cursor?: string } = {}, options: CallOptions = {}): Promise<api.SandboxExecutionPage> {
    return this.#json(`/executions?${query(page)}`, options);
  }

  /** Reads what it is like. It wakes nothing. */
  async refresh(options: CallOptions = {}): Promise<api.Sandbox> {
    return (this.info = await this.#json<api.Sandbox>("", options));
  }

  async change(change: api.SandboxChange, options: CallOptions = {}): Promise<api.Sandbox> {
    return (this.info = await this.#json<api.Sandbox>("", { method: "PATCH", body: change, ...options }));
  }

  /** Sets variables of commands that start afterwards; `null` removes one. The names of all. */
  async setEnvVars(env: Record<string, string | null>, options: CallOptions = {}): Promise<string[]> {
    return (await this.#json<api.EnvNames>("/env", { method: "PATCH", body: { env }, ...options })).env_names;
  }

  /** Checks a git repository out into a directory that is empty or not there. */
  gitCheckout(url: string, settings: Omit<api.CheckoutRequest, "url"> = {}, options: CallOptions = {}): Promise<api.CheckoutResult> {
    return this.#json("/git/checkout", { method: "POST", body: { url, ...settings }, ...options });
  }

  /** Saves its files and ends its processes, unless a command runs. */
  async sleep(options: CallOptions = {}): Promise<api.Sandbox> {
    return (this.info = await this.#json<api.Sandbox>("/sleep", { method: "POST", ...options }));
  }

  /** Starts it unless it runs. Every call that needs it does the same. */
  async wake(options: CallOptions = {}): Promise<api.Sandbox> {
    return (this.info = await this.#json<api.Sandbox>("/wake", { method: "POST", ...options }));
  }

  /** Makes another sandbox with its settings, and with the files of a snapshot or as they are now. */
  async branch(settings: api.BranchSettings = {}, options: CallOptions = {}): Promise<Sandbox> {
    return new Sandbox(this.#connection, await this.#json<api.Sandbox>("/branch", { method: "POST", body: settings, ...options }));
  }

  /** Brings in what a branch of it has changed, or the sandbox that it is a branch of. With conflicts nothing is written. */
  merge(from: string | Pick<Sandbox, "id">, options: CallOptions = {}): Promise<api.MergeResult> {
    return this.#json("/merge", { method: "POST", body: { from: typeof from === "string" ? from : from.id }, ...options });
  }

  /** Deletes it with everything in it. */
  delete(options: CallOptions = {}): Promise<void> {
    return this.#json("", { method: "DELETE", ...options });
  }

  #json<T>(rest: string, call: Call): Promise<T> {
    return sendForJson<T>(this.#connection, this.#path + rest, call);
  }
}

function filesOf(connection: Connection, sandbox: string): SandboxFiles {
  const files = `${sandbox}/files`;
  const post = (rest: string, body: unknown, options: CallOptions = {}) => sendForJson<api.SandboxFile>(connection, `${files}/${rest}`, { method: "POST", body, ...options });
  const content = (path: string, options?: CallOptions) => download(connection, `${files}/content?${query({ path })}`, options);
  const whole = async <T>(path: string, options: CallOptions | undefined, read: (response: Response) => Promise<T>) => {
    const { response, release } = await content(path, options);
    return read(response).finally(release);
  };
  return {
    list: (path = ".", settings = {}, options = {}) => sendForJson(connection, `${files}?${query({ path, ...settings })}`, options),
    readText: (path, options) => whole(path, options, (response) => response.text()),
    read: (path, options) => whole(path, options, async (response) => new Uint8Array(await response.arrayBuffer())),
    stream: (path, options) => streamOf(content(path, options)),
    write: (path, bytes, options = {}) => sendForJson(connection, `${files}/content?${query({ path })}`, { method: "PUT", bytes, ...options }),
    search: (q, settings = {}, options = {}) => sendForJson(connection, `${files}/search?${query({ q, ...settings })}`, options),
    download: (path = ".", options) => streamOf(download(connection, `${sandbox}/archive?${query({ path })}`, options)),
    upload: (archive, path = ".", options = {}) => sendForJson(connection, `${sandbox}/archive?${query({ path })}`, { method: "POST", bytes: archive, ...options }),
    mkdir: (path, settings = {}, options) => post("mkdir", { path, ...settings }, options),
    move: (from, to, settings = {}, options) => post("move", { from, to, ...settings }, options),
    copy: (from, to, settings = {}, options) => post("copy", { from, to, ...settings }, options),
    chmod: (path, mode, options) => post("chmod", { path, mode }, options),
    delete: (path, settings = {}, options = {}) => sendForJson<void>(connection, `${files}?${query({ path, ...settings })}`, { method: "DELETE", ...options }),
  };
}

const requestOf = (command: SandboxCommand): api.ExecRequest => (typeof command === "string" ? { command } : command);
