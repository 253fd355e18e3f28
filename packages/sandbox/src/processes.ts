//! Processes in the background of a sandbox.

import { DocleError, type Process as Started, type Sandbox } from "@doclehq/sdk/sandboxes";
import { streamOf } from "./streams.ts";
import type { LogEvent, Process, ProcessOptions, ProcessStatus } from "./types.ts";

/** The processes of a sandbox, with the names that the classic SDK has. */
export class Processes {
  readonly #connect: () => Promise<Sandbox>;

  constructor(connect: () => Promise<Sandbox>) {
    this.#connect = connect;
  }

  async start(command: string, { timeout, ...options }: ProcessOptions): Promise<Process> {
    const { processes } = await this.#connect();
    return this.#processOf(await processes.start({ command, ...options, ...(timeout === undefined ? {} : { timeoutMs: timeout }) }));
  }

  async list(): Promise<Process[]> {
    const { processes } = await this.#connect();
    return (await processes.list()).map((process) => this.#processOf(process));
  }

  async get(id: string): Promise<Process | null> {
    const { processes } = await this.#connect();
    try {
      return this.#processOf(await processes.get(id));
    } catch (error) {
      if (error instanceof DocleError && error.code === "process_not_found") return null;
      throw error;
    }
  }

  async kill(id: string, signal: string | undefined): Promise<void> {
    const { processes } = await this.#connect();
    await (signal === undefined ? processes.kill(id) : processes.signal(id, signal));
  }

  async killAll(): Promise<number> {
    const { processes } = await this.#connect();
    // The answer lists those that had ended before, too.
    const { length } = await processes.list({ status: "running" });
    await processes.killAll();
    return length;
  }

  async cleanup(): Promise<number> {
    const { processes } = await this.#connect();
    const ended = (await processes.list()).filter(({ status }) => status !== "running");
    await Promise.all(ended.map(({ id }) => processes.kill(id, { forget: true })));
    return ended.length;
  }

  async logs(id: string): Promise<{ stdout: string; stderr: string; processId: string }> {
    const { processes } = await this.#connect();
    const { stdout, stderr, process } = await processes.logs(id);
    return { stdout, stderr, processId: process.id };
  }

  async stream(id: string, { signal }: { signal?: AbortSignal }): Promise<ReadableStream<Uint8Array>> {
    const { processes } = await this.#connect();
    // A process that is not there is an error of this call, and not of its stream.
    const { id: processId } = await processes.get(id);
    return streamOf((signal) => events(processes.follow(processId, {}, { signal }), processId), signal);
  }

  #processOf({ id, pid, command, status, exitCode, startedAt, endedAt }: Started): Process {
    return {
      id,
      pid,
      command,
      status: statusOf(status, exitCode),
      startTime: new Date(startedAt),
      ...(endedAt === null ? {} : { endTime: new Date(endedAt) }),
      ...(exitCode === null ? {} : { exitCode }),
      kill: (signal) => this.kill(id, signal),
      getStatus: async () => (await this.get(id))?.status ?? "error",
      getLogs: () => this.logs(id),
    };
  }
}

async function* events(following: ReturnType<Sandbox["processes"]["follow"]>, processId: string): AsyncGenerator<LogEvent, void, undefined> {
  for await (const event of following) {
    const now = new Date().toISOString();
    if (event.type === "stdout" || event.type === "stderr") yield { type: event.type, timestamp: event.timestamp, data: event.data, processId };
    else if (event.type === "dropped") yield { type: "error", timestamp: now, data: `${event.bytes} bytes were written earlier and are not kept.`, processId };
    else yield { type: "exit", timestamp: event.process.endedAt ?? now, data: "", processId, ...(event.process.exitCode === null ? {} : { exitCode: event.process.exitCode }) };
  }
}

function statusOf(status: Started["status"], exitCode: number | null): ProcessStatus {
  if (status === "exited") return exitCode === 0 ? "completed" : "failed";
  return status === "failed" ? "error" : status;
}
