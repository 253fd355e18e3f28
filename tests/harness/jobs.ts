//! The runner's own protocol as its only caller speaks it: one job in, one report or a stream of events out.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { AnyRunner } from "./runner.ts";

export type Language = "python" | "node";

/** How a program is compiled. */
export interface Compile {
  options: string[];
  timeoutMs: number;
  memoryMB: number;
}

/** One program to run; `crates/protocol` says what the fields mean. */
export interface Job {
  id: string;
  language: Language;
  files: { path: string; content: string }[];
  repo?: { url: string; ref?: string; subdir?: string; token?: string };
  entrypoint: string;
  stdin: string;
  interactive?: boolean;
  tty?: { cols: number; rows: number };
  args: string[];
  env: Record<string, string>;
  packages: string[];
  compile?: Compile;
  limits: { timeoutMs: number; memoryMB: number; maxOutputBytes: number; cpuMs?: number; maxFileMB?: number };
  network: { mode: "none" } | { mode: "public" } | { mode: "hosts"; hosts: string[] };
  artifacts?: { patterns: string[]; inline: boolean };
}

/** A file that a run hands back. */
export interface Artifact {
  name: string;
  size: number;
  mimeType: string;
  sha256?: string;
  url?: string;
  base64?: string;
  error?: string;
}

/** What became of the repository of a run. */
export interface FetchedRepository {
  url: string;
  ref?: string;
  subdir?: string;
  commit?: string;
  error?: string;
}

/** How a run ended, and what it wrote. */
export interface Report {
  status: "success" | "error" | "timeout" | "memory" | "output" | "killed" | "cancelled" | "install_failed" | "compile_error" | "system";
  exitCode: number;
  signal: string | null;
  stdout: string;
  stderr: string;
  truncated: { stdout: boolean; stderr: boolean };
  usage: { cpuMs: number; memMB: number; durationMs: number; queueMs: number; installMs: number };
  limit?: string;
  repo?: FetchedRepository;
  hint?: string;
  compile?: { stdout: string; stderr: string; exitCode: number; durationMs: number; cpuMs: number };
  artifacts?: Artifact[];
  artifactsOmitted?: number;
}

/** What the last event holds: all of a report but the output. */
export type End = Omit<Report, "stdout" | "stderr">;

/** One event of a stream, with its output decoded: bytes that are no character of UTF-8 are U+FFFD. */
export type Event = { type: "start" } | { type: "stage"; stage: "fetch" | "install" | "compile" | "program" } | { type: "stdout" | "stderr"; data: string } | { type: "artifact"; index: number; data: string } | { type: "complete"; report: End };

/** The version of the protocol that these tests speak. */
export const PROTOCOL = "8";

/** What a job may say besides its program. Limits that are not named keep their defaults. */
export type Rest = Partial<Omit<Job, "limits">> & { limits?: Partial<Job["limits"]> };

/** The default script of a language. */
export const script = (language: Language) => (language === "python" ? "main.py" : "main.js");

/** A job for a program that lies in the default script, with generous limits: tests run on busy machines. */
export function job(language: Language, code: string, { limits, files = [], ...rest }: Rest = {}): Job {
  return {
    id: randomUUID(),
    language,
    files: [{ path: script(language), content: code }, ...files],
    entrypoint: script(language),
    stdin: "",
    args: [],
    env: {},
    packages: [],
    limits: { timeoutMs: 20_000, memoryMB: 256, maxOutputBytes: 1_048_576, ...limits },
    network: { mode: "none" },
    ...rest,
  };
}

/** The same program as another run: a runner executes no job twice. */
export const again = (job: Job): Job => ({ ...job, id: randomUUID() });

/** Sends anything to where jobs go. */
export function post(runner: AnyRunner, body: string, headers: Record<string, string> = {}, signal: AbortSignal | null = null): Promise<Response> {
  const own = { authorization: `Bearer ${runner.secret}`, "docle-protocol": PROTOCOL, "content-type": "application/json" };
  return fetch(`${runner.url}/v1/runs`, { method: "POST", headers: { ...own, ...headers }, body, signal });
}

/** Runs a job and answers with its report. */
export async function run(runner: AnyRunner, job: Job): Promise<Report> {
  const output = { stdout: "", stderr: "" };
  for await (const event of events(runner, job)) {
    if (event.type === "stdout" || event.type === "stderr") output[event.type] += event.data;
    if (event.type === "complete") return { ...event.report, ...output };
  }
  throw new Error("the stream ends without a report");
}

/** Runs a job and hands its events on as they come. */
export async function* events(runner: AnyRunner, job: Job): AsyncGenerator<Event> {
  const response = await post(runner, JSON.stringify(job));
  assert.equal(response.status, 200, response.ok ? "" : await response.text());
  yield* readEvents(response);
}

/** The events of a response of the runner. */
export async function* readEvents(response: Response): AsyncGenerator<Event> {
  assert(response.body);
  const decoders = { stdout: new TextDecoder("utf-8", { ignoreBOM: true }), stderr: new TextDecoder("utf-8", { ignoreBOM: true }) };
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter((line) => line !== "")) {
      const event = JSON.parse(line) as Event;
      if (event.type === "complete") {
        // What a stream that lost its end has of its last character is no character.
        for (const type of ["stdout", "stderr"] as const) {
          const data = decoders[type].decode();
          if (data !== "" && !event.report.truncated[type]) yield { type, data };
        }
      }
      if (event.type !== "stdout" && event.type !== "stderr") yield event;
      else {
        const data = decoders[event.type].decode(Buffer.from(event.data, "base64"), { stream: true });
        if (data !== "") yield { ...event, data };
      }
    }
  }
  assert.equal(rest, "", "the stream ends with a line");
}
