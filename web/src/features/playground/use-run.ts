//! One run at a time: started, followed, stopped.

import { Docle, DocleConnectionError, DocleError } from "@doclehq/sdk";
import { onScopeDispose, ref, shallowRef } from "vue";
import type { Schemas } from "../../api/client.ts";
import { sentenceOf } from "../../api/client.ts";
import { requestOf, type RunOptions, type Source } from "./program.ts";
import { forgetToken, runToken } from "./run-token.ts";

type Result = Schemas["RunResult"];
export type Phase = "idle" | "starting" | "running" | "ended" | "failed";

/** What people read about a refusal. */
function refusal(error: unknown): string {
  if (error instanceof DocleConnectionError) return "The connection broke. It may still be running.";
  if (!(error instanceof DocleError)) return sentenceOf(error);
  const after = error.retryAfterMs === undefined ? "" : ` Again in ${Math.ceil(error.retryAfterMs / 1_000)} s.`;
  if (error.code === "rate_limit_exceeded") return `The calls of this minute are used up.${after}`;
  if (error.code === "queue_full") return `All places are taken.${after}`;
  if (error.code === "body_too_large") return "The program is over 10 MiB.";
  if (error.fields.length > 0) return error.fields.map(({ field, message }) => `${field} ${message}`).join("; ");
  return error.status >= 500 ? "Part of the service is not answering. It did not run." : error.message;
}

/** The run of a page; `print` takes its output as it comes. */
export function useRun(print: (stream: "stdout" | "stderr", text: string) => void) {
  const phase = ref<Phase>("idle");
  const result = shallowRef<Result>();
  const problem = ref<string>();
  const elapsed = ref(0);
  let client: Docle | undefined;
  let id: string | undefined;
  let controller: AbortController | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  async function follow(project: string, request: Schemas["RunRequest"], signal: AbortSignal): Promise<Result | undefined> {
    client = new Docle({ apiKey: await runToken(project), baseUrl: location.origin });
    for await (const event of client.stream(request, { signal })) {
      if (event.type === "start") [id, phase.value] = [event.id, "running"];
      else if (event.type === "complete") {
        const { type: _, ...ended } = event;
        return ended;
      } else if (event.type === "stdout" || event.type === "stderr") print(event.type, event.data);
    }
    return undefined;
  }

  /** Runs a program; resolves with its result, or with undefined where there is none. */
  async function run(project: () => Promise<string>, source: Source, options: RunOptions): Promise<Result | undefined> {
    if (phase.value === "starting" || phase.value === "running") return undefined;
    [result.value, problem.value, id, elapsed.value] = [undefined, undefined, undefined, 0];
    const { request, wrong } = requestOf(source, options);
    if (request === undefined) return void ([phase.value, problem.value] = ["failed", wrong]);
    phase.value = "starting";
    const mine = new AbortController();
    controller = mine;
    const started = performance.now();
    timer = setInterval(() => (elapsed.value = performance.now() - started), 100);
    try {
      const name = await project();
      const again = async (error: unknown) => {
        // The token's time was over, or its key was revoked: one more is tried.
        if (!(error instanceof DocleError) || !["invalid_token", "invalid_api_key"].includes(error.code)) throw error;
        forgetToken();
        return follow(name, request as Schemas["RunRequest"], mine.signal);
      };
      result.value = await follow(name, request as Schemas["RunRequest"], mine.signal).catch(again);
      phase.value = "ended";
      return result.value;
    } catch (error) {
      phase.value = "failed";
      problem.value = mine.signal.aborted ? "Stopped before it started." : refusal(error);
      return undefined;
    } finally {
      clearInterval(timer);
      controller = undefined;
    }
  }

  /** Ends the run; its result says so. */
  async function stop(): Promise<void> {
    if (phase.value !== "starting" && phase.value !== "running") return;
    if (id === undefined || client === undefined) return controller?.abort();
    // Where it ended at the same moment, the stream tells how.
    await client.runs.cancel(id).catch(() => controller?.abort());
  }

  onScopeDispose(() => {
    clearInterval(timer);
    controller?.abort();
  });
  return { phase, result, problem, elapsed, run, stop };
}
