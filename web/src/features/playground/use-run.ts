//! One run at a time: started, followed, stopped.

import { Docle, DocleConnectionError, DocleError } from "@doclehq/sdk";
import { onScopeDispose, ref, shallowRef } from "vue";
import type { Schemas } from "../../api/client.ts";
import { sentenceOf } from "../../api/client.ts";
import { requestOf, type RunOptions, type Source } from "./program.ts";
import { forgetToken, runToken } from "./run-token.ts";
import { NotOpened, type SocketEvent, type SocketRun, socketRun } from "./socket-run.ts";

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
  /** The way to a program that hears what is typed, while it runs. */
  const socket = shallowRef<SocketRun>();
  let client: Docle | undefined;
  let id: string | undefined;
  let token = "";
  let controller: AbortController | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  /** Takes the events of a run; resolves with its result. */
  async function take(events: AsyncIterable<SocketEvent | { type: "artifact" }>): Promise<Result | undefined> {
    for await (const event of events) {
      if (event.type === "start") [id, phase.value] = [event.id, "running"];
      else if (event.type === "complete") {
        const { type: _, ...ended } = event;
        return ended;
      } else if (event.type === "stdout" || event.type === "stderr") print(event.type, event.data);
    }
    return undefined;
  }
  async function follow(project: string, request: Schemas["RunRequest"], signal: AbortSignal): Promise<Result | undefined> {
    token = await runToken(project);
    client = new Docle({ apiKey: token, baseUrl: location.origin });
    return take(client.stream(request, { signal }));
  }
  /** Runs a program that hears what is typed. Where no socket opens, it runs without, unless it needs a terminal. */
  async function converse(project: string, request: Schemas["RunRequest"], signal: AbortSignal): Promise<Result | undefined> {
    token = await runToken(project);
    client = new Docle({ apiKey: token, baseUrl: location.origin });
    socket.value = socketRun(token, request, signal);
    try {
      return await take(socket.value.events);
    } catch (error) {
      if (!(error instanceof NotOpened) || signal.aborted) throw error;
      socket.value = undefined;
      const { tty: _, ...plain } = request;
      return await follow(project, plain, signal);
    } finally {
      socket.value = undefined;
    }
  }

  /** Runs a program; resolves with its result, or with undefined where there is none. */
  async function run(project: () => Promise<string>, source: Source, options: RunOptions, tty?: { cols: number; rows: number }): Promise<Result | undefined> {
    if (phase.value === "starting" || phase.value === "running") return undefined;
    [result.value, problem.value, id, elapsed.value] = [undefined, undefined, undefined, 0];
    const { request: plain, wrong } = requestOf(source, options);
    const request = plain === undefined || tty === undefined ? plain : { ...plain, tty };
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
        return start(name, request as Schemas["RunRequest"], mine.signal);
      };
      const start = options.input === "text" ? follow : converse;
      result.value = await start(name, request as Schemas["RunRequest"], mine.signal).catch(again);
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

  /** A page that is closed or loaded again has nobody to see how its run ends, and the client in it cannot say so any more. */
  function leave() {
    if (id !== undefined && phase.value === "running") void fetch(`/api/run/${id}`, { method: "DELETE", keepalive: true, credentials: "omit", headers: { authorization: `Bearer ${token}` } }).catch(() => undefined);
  }
  window.addEventListener("pagehide", leave);
  onScopeDispose(() => {
    window.removeEventListener("pagehide", leave);
    clearInterval(timer);
    controller?.abort();
  });
  return { phase, result, problem, elapsed, socket, run, stop };
}
