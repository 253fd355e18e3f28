//! One file of a sandbox that runs: its output as it comes, and how it ended.

import type { Sandbox, SandboxEvent } from "@doclehq/sdk/sandboxes";
import { onScopeDispose, ref, shallowRef } from "vue";
import { sentenceOf } from "../../api/client.ts";
import type { Ended } from "../../status.ts";
import { failureOf } from "../sandboxes/client.ts";
import { absolute } from "./tree.ts";

/** The most that a program may take, in milliseconds. */
export const LIMIT_MS = 300_000;
const NOTHING_MORE = { queueMs: 0, installMs: 0, blockedConnections: 0 };

/** The programs that run a file by its ending. Other languages are compiled, which the service does itself. */
const PROGRAMS: Record<string, string> = { py: "python3", js: "node", mjs: "node", cjs: "node", ts: "node", mts: "node", cts: "node", sh: "bash" };

export type Phase = "idle" | "running" | "ended" | "failed";

/** The run of a page; `print` takes its output as it comes. */
export function useFileRun(sandbox: () => Sandbox | undefined, print: (stream: "stdout" | "stderr", text: string) => void) {
  const phase = ref<Phase>("idle");
  const file = ref("");
  const result = shallowRef<Ended>();
  const problem = ref<string>();
  const elapsed = ref(0);
  /** Whether the output comes at the end alone. */
  const isLate = ref(false);
  let controller: AbortController | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  async function stream(program: string, path: string, signal: AbortSignal): Promise<Ended> {
    const argv = [program, absolute(path)];
    for await (const event of events(sandbox()?.stream({ argv, timeoutMs: LIMIT_MS, env: { PYTHONUNBUFFERED: "1" } }, { signal }))) {
      if (event.type === "stdout" || event.type === "stderr") print(event.type, event.data);
      else if (event.type === "complete") return { ...event, usage: { ...event.usage, ...NOTHING_MORE } };
      else if (event.type === "error") throw new Error(event.message);
    }
    throw new Error("The machine of the sandbox was lost.");
  }
  async function whole(path: string, signal: AbortSignal): Promise<Ended> {
    const ended = await sandbox()?.execute(absolute(path), { timeout: LIMIT_MS / 1_000 }, { signal });
    if (ended === undefined) throw new Error("There is no sandbox.");
    print("stdout", ended.stdout);
    print("stderr", ended.stderr);
    return { ...ended, usage: { ...ended.usage, ...NOTHING_MORE } };
  }

  /** Runs a file; answers how it ended, or undefined where it did not run to its end. */
  async function run(path: string): Promise<Ended | undefined> {
    if (phase.value === "running" || sandbox() === undefined) return undefined;
    const program = PROGRAMS[path.split(".").at(-1)?.toLowerCase() ?? ""];
    [phase.value, file.value, result.value, problem.value, elapsed.value, isLate.value] = ["running", path, undefined, undefined, 0, program === undefined];
    const mine = new AbortController();
    controller = mine;
    const started = performance.now();
    timer = setInterval(() => (elapsed.value = performance.now() - started), 100);
    try {
      result.value = await (program === undefined ? whole(path, mine.signal) : stream(program, path, mine.signal));
      phase.value = "ended";
      return result.value;
    } catch (error) {
      phase.value = "failed";
      const failure = failureOf(error);
      problem.value = mine.signal.aborted ? "Stopped." : failure === error && error instanceof Error ? error.message : sentenceOf(failure);
      return undefined;
    } finally {
      clearInterval(timer);
      controller = undefined;
    }
  }
  const stop = () => controller?.abort();
  onScopeDispose(() => {
    clearInterval(timer);
    controller?.abort();
  });
  return { phase, file, result, problem, elapsed, isLate, run, stop };
}

async function* events(given: AsyncIterable<SandboxEvent> | undefined): AsyncGenerator<SandboxEvent> {
  if (given !== undefined) yield* given;
}
