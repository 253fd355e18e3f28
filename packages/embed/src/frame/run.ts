//! Runs a program: gets a token where the frame has none, and reads the events of the run.

/** A result, as `POST /api/run` has it. */
export interface Result {
  id: string;
  ok: boolean;
  status: string;
  exitCode: number;
  signal: string | null;
  stdout: string;
  stderr: string;
  truncated: { stdout: boolean; stderr: boolean };
  usage: { cpuMs: number; memMB: number; durationMs: number };
}

/** Why nothing was run, for scripts and for people. */
export class RunError extends Error {
  readonly code: string;
  /** Seconds after which the call may be made again. */
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** What to run: a request of the API. */
export interface Program {
  lang: string;
  code?: string;
  files?: { path: string; content: string; encoding?: string }[];
  entrypoint?: string;
  packages?: string[];
  stdin?: string;
  args?: string[];
}

/** The credential of a frame: a token of the page, or its publishable key, for which the frame gets tokens. */
export class Credential {
  #token: { text: string; until: number } | undefined;
  readonly #key: string | null;

  constructor(key: string | null) {
    this.#key = key;
  }

  /** Uses this run token from now on. Its end is found out when it is refused. */
  use(token: string): void {
    this.#token = { text: token, until: Infinity };
  }

  get isThere(): boolean {
    return this.#key !== null || this.#token !== undefined;
  }

  async token(signal: AbortSignal): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#token.until) return this.#token.text;
    const response = await fetch("/embed/token", { method: "POST", headers: { authorization: `Bearer ${this.#key}` }, credentials: "omit", signal });
    if (!response.ok) throw await problem(response);
    const { token, expiresAt } = (await response.json()) as { token: string; expiresAt: string };
    // Half a minute early, because clocks differ.
    this.#token = { text: token, until: Date.parse(expiresAt) - 30_000 };
    return token;
  }
}

/** What people read about a refusal. */
const texts: Record<string, string> = {
  invalid_api_key: "This playground is not set up: its key has ended.",
  invalid_token: "This playground has been open for too long. Reload the page.",
  domain_not_allowed: "This playground may not be used on this page.",
  account_suspended: "This playground is not available.",
  body_too_large: "The program is too long.",
};

async function problem(response: Response): Promise<RunError> {
  const after = Number(response.headers.get("retry-after")) || undefined;
  const body = (await response.json().catch(() => ({}))) as { code?: string; message?: string; errors?: { field: string; message: string }[] };
  const code = body.code ?? "service_unavailable";
  const known = Object.hasOwn(texts, code) ? texts[code] : undefined;
  if (response.status === 429) return new RunError(code, after === undefined ? "Too many runs. Try again later." : `Too many runs. Again in ${after} s.`, after);
  if (response.status >= 500) return new RunError(code, "Part of the service is not answering. It did not run.", after);
  const fields = body.errors?.map((error) => `${error.field} ${error.message}`).join("; ");
  return new RunError(code, known ?? fields ?? body.message ?? "The service refused the program.");
}

/** How a program was judged, as far as a page learns it. */
export interface Judgement {
  verdict: string;
  points: number;
  maxPoints: number;
  passed: number;
  compile?: { stdout: string; stderr: string };
  tests: { index: number; name?: string; verdict: string; points: number; message?: string }[];
}

/** Judges a program by a stored judge. Aborting the signal ends the runs. */
export async function judge(program: Program, id: string, credential: Credential, signal: AbortSignal): Promise<Judgement> {
  const { stdin: _typed, ...judged } = program;
  try {
    const token = await credential.token(signal);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json" };
    const response = await fetch("/api/run/judge", { method: "POST", headers, body: JSON.stringify({ ...judged, judge: id }), credentials: "omit", signal });
    if (!response.ok) throw await problem(response);
    return (await response.json()) as Judgement;
  } catch (error) {
    if (error instanceof RunError) throw error;
    if (signal.aborted) throw new RunError("cancelled", "Stopped");
    throw new RunError("connection_lost", "The connection broke. It may still be running.");
  }
}

/** Runs a program, hands on its output, and resolves with its result. Aborting the signal ends the run. */
export async function run(program: Program, credential: Credential, signal: AbortSignal, output: (stream: "stdout" | "stderr", text: string) => void): Promise<Result> {
  let started = false;
  try {
    const token = await credential.token(signal);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "text/event-stream" };
    const response = await fetch("/api/run", { method: "POST", headers, body: JSON.stringify(program), credentials: "omit", signal });
    if (!response.ok || response.body === null) throw await problem(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const events = (rest + value).split("\n\n");
      rest = events.pop() ?? "";
      for (const text of events) {
        const data = text.split("\n").find((line) => line.startsWith("data:"));
        if (data === undefined) continue;
        const event = JSON.parse(data.slice(5)) as { type: string; data: string } & Result;
        if (event.type === "start") started = true;
        else if (event.type === "stdout" || event.type === "stderr") output(event.type, event.data);
        else if (event.type === "complete") return event;
      }
    }
  } catch (error) {
    if (error instanceof RunError) throw error;
    if (signal.aborted) throw new RunError("cancelled", "Stopped");
    if (!started) throw new RunError("service_unavailable", "The service cannot be reached. It did not run.");
  }
  throw new RunError("connection_lost", "The connection broke. It may still be running.");
}
