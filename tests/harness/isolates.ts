//! The isolate tier as `npm start` runs it, with an internet, a model and a database of the test's own.

import { randomBytes, randomUUID } from "node:crypto";
import assert from "node:assert/strict";
import { Response as RuntimeResponse } from "miniflare";
import { startIsolates, type Supervisor } from "../../scripts/isolates/supervisor.mjs";

/** The result of a script, without what only the API's Worker adds. */
export interface ScriptReport {
  status: string;
  exitCode: number;
  stdout: string;
  stderr: string;
  truncated: { stdout: boolean; stderr: boolean };
  usage: { durationMs: number; blockedConnections: number; ai?: { calls: number; inputTokens: number; outputTokens: number; neurons: number } };
  success: boolean;
  result: unknown;
  logs: { level: string; message: string; timeMs: number }[];
  error: { name: string; message: string; stack: string | null; line: number | null; column: number | null } | null;
  executionTime: number;
}

/** What a server of the test's internet is asked, and what it answers. */
export interface Asked {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}
export interface Answered {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

interface Job {
  code: string;
  language?: "javascript" | "typescript";
  context?: unknown;
  timeoutMs?: number;
  apis?: string[];
  allowedDomains?: string[][];
  database?: string | null;
  projectId?: string;
}

/** A model that answers with what it was asked, and some that fail in the ways that models do. */
const MODELS = `
import { WorkerEntrypoint } from "cloudflare:workers";
export class Models extends WorkerEntrypoint {
  run(model, input) {
    if (model.includes("broken")) throw new Error("InferenceUpstreamError: secret-of-the-binding");
    if (model.includes("bytes")) return new Response("bytes").body;
    const { max_tokens, ...asked } = input;
    const response = "You asked " + model + ": " + JSON.stringify(asked);
    return model.includes("metered") ? { response, max_tokens, usage: { prompt_tokens: 7, completion_tokens: Math.min(5, max_tokens) } } : { response };
  }
}
export default { fetch: () => new Response(null, { status: 404 }) };
`;

export interface Options {
  /** Answers for every host of the internet; without it nothing answers. */
  internet?: (asked: Asked) => Answered | undefined;
  /** With the model, the AI binding is configured. */
  model?: boolean;
  /** Passes requests of scripts to the machine's own network, as `npm start` does. */
  outbound?: Parameters<typeof startIsolates>[0]["outbound"];
  /** Where databases are kept; without it each process has its own, in memory. */
  state?: string;
}

export class Isolates {
  readonly secret: string;
  readonly #supervisor: Supervisor;

  private constructor(secret: string, supervisor: Supervisor) {
    this.secret = secret;
    this.#supervisor = supervisor;
  }

  /** Starts the tier. Project `proj_1` and every other one may read the database "wiki"; only `proj_1` "private". */
  static async start({ internet, model = false, outbound, state }: Options = {}): Promise<Isolates> {
    const secret = randomBytes(16).toString("hex");
    const scripted: typeof outbound = async (request) => {
      const asked = { method: request.method, url: request.url, headers: Object.fromEntries(request.headers), body: await request.text() };
      const { status = 200, headers = {}, body = "" } = internet?.(asked) ?? { status: 502 };
      return new RuntimeResponse([204, 304].includes(status) ? null : body, { status, headers });
    };
    const supervisor = await startIsolates({
      secret,
      outbound: outbound ?? scripted,
      databases: { PROJECT_DB_WIKI: "wiki", PROJECT_DB_PRIVATE: "private" },
      vars: {
        PROJECT_DATABASES: JSON.stringify({ wiki: ["*"], private: ["proj_1"] }),
        AI_GRANTS: JSON.stringify({ proj_1: { calls: 4, tokens: 1_000 } }),
      },
      ...(model ? { ai: MODELS } : {}),
      ...(state === undefined ? {} : { state }),
    });
    return new Isolates(secret, supervisor);
  }

  get url(): string {
    return this.#supervisor.url;
  }

  /** What the API's Worker has to know to reach it. */
  get vars(): Record<string, string> {
    return { ISOLATES_URL: this.url, ISOLATES_SECRET: this.secret };
  }

  /** The processes of the runtime. */
  get pids(): number[] {
    return this.#supervisor.pids();
  }

  /** Runs a statement in a database of scripts, in every process: local ones are in memory. */
  async sql(binding: string, statement: string): Promise<void> {
    for (const database of await this.#supervisor.databases(binding)) await database.prepare(statement).run();
  }

  /** A database as each process sees it. */
  views(binding: string): ReturnType<Supervisor["databases"]> {
    return this.#supervisor.databases(binding);
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  /** Any call, with the secret. */
  call(path: string, body?: unknown): Promise<Response> {
    const headers = { authorization: `Bearer ${this.secret}` };
    return fetch(this.url + path, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** Runs a script, and answers with its report. */
  async execute(job: Job | string): Promise<ScriptReport> {
    const { code, language = "javascript", context = {}, ...rest } = typeof job === "string" ? { code: job } : job;
    const defaults = { projectId: "proj_1", timeoutMs: 5_000, apis: ["console", "api", "db", "ai"], allowedDomains: [], database: null };
    const response = await this.call("/v1/executions", { id: randomUUID(), script: { code, language }, context, ...defaults, ...rest });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text) as ScriptReport;
  }

  /** Runs a script that must succeed, and answers with its result. */
  async result(job: Job | string): Promise<unknown> {
    const report = await this.execute(job);
    assert.equal(report.status, "success", JSON.stringify(report));
    return report.result;
  }

  /** Runs a script that must fail: `status exitCode name: message`. */
  async failure(job: Job | string): Promise<string> {
    const { status, exitCode, error, success, result } = await this.execute(job);
    assert.deepEqual([success, result], [false, null]);
    return `${status} ${exitCode} ${error?.name}: ${error?.message}`;
  }
}
