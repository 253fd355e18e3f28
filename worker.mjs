//! The entry points of the Worker: HTTP and its objects, in Rust, and scripts for other Workers of the same account.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "./build/index.js";

export * from "./build/index.js";
export default Worker;

/** Runs scripts for other Workers, through a service binding: docs/isolates.md. */
export class CodeExecutor extends WorkerEntrypoint {
  /**
   * The same as `POST /execute`. The API key is in `config.apiKey` or in the properties of the binding. A refused call does
   * not throw: its result has an error with the name ApiError and the code of the problem.
   */
  async executeCode(code, language = "javascript", context = {}, { apiKey = this.ctx.props?.apiKey, ...config } = {}) {
    const headers = { "content-type": "application/json", ...(apiKey && { authorization: `Bearer ${apiKey}` }) };
    const request = new Request("http://docle/execute", { method: "POST", headers, body: JSON.stringify({ code, language, context, config }) });
    const response = await new Worker(this.ctx, this.env).fetch(request);
    const answer = await response.json();
    if (response.ok) return answer;
    return { success: false, result: null, logs: [], error: { name: "ApiError", code: answer.code, message: answer.message }, executionTime: 0, id: null };
  }
}
