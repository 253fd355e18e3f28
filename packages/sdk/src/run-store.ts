//! What a view shows of the programs it runs: a state, and those who listen for its changes.

import type { RunResult } from "./generated/api.ts";
import { streamSandbox, type RunSandboxOptions } from "./run-sandbox.ts";

/** What to show. */
export interface RunState {
  /** Whether a program runs. */
  readonly loading: boolean;
  /** Its output so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** How the last program ended. A program that fails is a result, too. */
  readonly result: RunResult | undefined;
  /** Why there is no result: the service refused the run, or could not be reached. */
  readonly error: Error | undefined;
}

/** Settings of a run: those of `runSandbox`, and where a page has its credential from. */
export interface RunStoreOptions extends Omit<RunSandboxOptions, "lang" | "signal"> {
  /** The language, unless a run names its own. */
  lang?: RunSandboxOptions["lang"];
  /** A run token, or a function that fetches one from your server before each run. */
  token?: string | (() => string | Promise<string>);
}

/** Before the first run. */
const IDLE: RunState = { loading: false, stdout: "", stderr: "", result: undefined, error: undefined };

/** How often listeners hear of output at most, in milliseconds: a frame of a screen. */
const FRAME_MS = 16;

/** Runs programs one at a time; a new one takes the place of the one before. */
export class RunStore {
  #state: RunState = IDLE;
  #listeners = new Set<() => void>();
  #current: AbortController | undefined;
  #frame: ReturnType<typeof setTimeout> | undefined;

  /** The state; the same object until it changes. */
  readonly getState = (): RunState => this.#state;

  /** Calls a listener after each change, until the answer is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /**
   * Runs a program; one that still runs is left. Resolves with the result, or with `undefined` if there is none: the state has
   * the error then, unless the run was cancelled or another one took its place.
   */
  async run(code: string, options: RunStoreOptions = {}): Promise<RunResult | undefined> {
    this.#current?.abort();
    const controller = new AbortController();
    this.#current = controller;
    const isCurrent = () => this.#current === controller;
    let state: RunState = { ...IDLE, loading: true };
    this.#show(state);
    try {
      const { token, ...settings } = options;
      const apiKey = typeof token === "function" ? await token() : (token ?? settings.apiKey);
      if (!isCurrent()) return undefined;
      if (settings.lang === undefined) throw new TypeError('A run needs a language: run(code, { lang: "python" }).');
      const program = { ...settings, lang: settings.lang, signal: controller.signal, ...(apiKey === undefined ? {} : { apiKey }) };
      for await (const event of streamSandbox(code, program)) {
        if (!isCurrent()) return undefined;
        if (event.type === "stdout" || event.type === "stderr") {
          state = { ...state, [event.type]: state[event.type] + event.data };
          this.#showSoon(() => state);
        } else if (event.type === "complete") {
          const { type: _, ...result } = event;
          this.#show({ loading: false, stdout: result.stdout, stderr: result.stderr, result, error: undefined });
          return result;
        }
      }
    } catch (error) {
      if (isCurrent()) this.#show({ ...state, loading: false, error: error instanceof Error ? error : new Error(String(error)) });
    } finally {
      if (isCurrent()) this.#current = undefined;
    }
    return undefined;
  }

  /** Ends the run that is in progress; what it has written stays. */
  readonly cancel = (): void => {
    if (this.#current === undefined) return;
    this.#current.abort();
    this.#current = undefined;
    this.#show({ ...this.#state, loading: false });
  };

  /** Ends a run and forgets what the last one has written. */
  readonly reset = (): void => {
    this.cancel();
    this.#show(IDLE);
  };

  #show(state: RunState): void {
    clearTimeout(this.#frame);
    this.#frame = undefined;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }

  #showSoon(state: () => RunState): void {
    this.#frame ??= setTimeout(() => this.#show(state()), FRAME_MS);
  }
}
