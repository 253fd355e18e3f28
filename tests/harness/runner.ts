//! The real runner as a process of the test's own.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { interpreterFlags, languageFlags } from "../../scripts/setup/interpreters.mjs";
import { own, runner as installed } from "../../scripts/setup/paths.mjs";

/** What `GET /health` of the runner answers, as far as tests look at it. */
export interface RunnerHealth {
  protocol: number;
  instance: string;
  tier: string;
  properties: Record<string, string>;
  running: number;
  slots: number;
  languages: Record<string, string>;
  waiting: Record<string, number>;
  ready: Record<string, number>;
  waitingMB: number | null;
  forked: number;
}

/** A runner, wherever it runs. */
export interface AnyRunner {
  readonly url: string;
  readonly secret: string;
  /** The directory that holds its package layers, where it runs. */
  readonly state: string;
  /** Its process, as this machine counts. */
  readonly pid: number;
  health(): Promise<RunnerHealth>;
}

/** How a runner differs from the one that `npm start` starts. */
export interface RunnerOptions {
  /** The user and group that it runs as. */
  user?: number;
  /** Its program; DOCLE_RUNNER names another one for all tests. */
  binary?: string;
  /** Where its state directory is made. */
  below?: string;
  /** The flags that name interpreters and installers, and others. */
  flags?: string[];
}

/** One runner with a state directory of its own; it can die and come back at the same address. */
export class Runner implements AnyRunner {
  readonly secret = randomBytes(16).toString("hex");
  readonly #state: string;
  readonly #options: RunnerOptions;
  #child: ChildProcess | undefined;
  #address = "127.0.0.1:0";
  #log = "";

  private constructor(options: RunnerOptions) {
    const below = options.below ?? join(own, "tmp");
    mkdirSync(below, { recursive: true });
    this.#state = mkdtempSync(join(below, "runner-"));
    if (options.user !== undefined) chownSync(this.#state, options.user, options.user);
    this.#options = options;
  }

  static async start(options: RunnerOptions = {}): Promise<Runner> {
    const runner = new Runner(options);
    await runner.restart();
    return runner;
  }

  /** `http://host:port`, the same after every restart. */
  get url(): string {
    return `http://${this.#address}`;
  }

  /** The server's process. */
  get pid(): number {
    assert(this.#child?.pid !== undefined, "the runner has been started");
    return this.#child.pid;
  }

  /** The directory that holds its package layers. */
  get state(): string {
    return this.#state;
  }

  /** What the runner wrote to standard error so far. */
  get log(): string {
    return this.#log;
  }

  /** Starts the process again after {@link kill} or {@link end}. */
  async restart(): Promise<void> {
    const { user, binary = process.env.DOCLE_RUNNER ?? installed, flags = [...interpreterFlags(), ...languageFlags()] } = this.#options;
    const args = ["serve", "--die-with-parent", "--listen", this.#address, "--state", this.#state, ...flags];
    const env = { ...process.env, DOCLE_RUNNER_SECRET: this.secret };
    const as = user === undefined ? {} : { uid: user, gid: user };
    const child = spawn(binary, args, { env, ...as, stdio: ["ignore", "pipe", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (this.#log += text));
    const ready = once(createInterface({ input: child.stdout }), "line");
    const ended = once(child, "exit").then(() => {
      throw new Error(`the runner ended before it was ready:\n${this.#log}`);
    });
    const [line] = await Promise.race([ready, ended]);
    // Later ends are what a test asked for.
    ended.catch(() => undefined);
    this.#address = (JSON.parse(line) as { address: string }).address;
    this.#child = child;
  }

  async health(): Promise<RunnerHealth> {
    return (await (await fetch(`${this.url}/health`)).json()) as RunnerHealth;
  }

  /** Ends the process without warning, as a crash would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops the process as an operator would. */
  async end(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Stops the process and removes what it kept. */
  async stop(): Promise<void> {
    await this.end();
    rmSync(this.#state, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}

/** Processes of this machine whose command line contains `marker`; jailed ones are seen from outside. */
export function processesWith(marker: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(marker);
      } catch {
        return false; // It ended while we looked.
      }
    })
    .map(Number);
}
