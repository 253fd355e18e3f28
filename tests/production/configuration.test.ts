//! A deployment that lacks a setting.

import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../harness/until.ts";
import { startWorker } from "../harness/worker.ts";

test("a deployment without its secret answered 500 without a word", async (context) => {
  const worker = await startWorker({ DEPLOYMENT_SECRET: "" });
  context.after(() => worker.stop());
  for (const [path, method] of [["/health", "GET"], ["/api/run", "POST"], ["/", "GET"]] as const) {
    const response = await fetch(new URL(path, worker.url), { method });
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const problem = (await response.json()) as Record<string, string>;
    assert.equal(problem.code, "service_unavailable");
    assert.equal(problem.message, "This deployment is not configured completely; its log says what is missing.");
    assert.equal(problem.requestId, response.headers.get("x-request-id"));
    const line = () => worker.logs.find((line) => line.includes(problem.requestId ?? "-"));
    await until("a line in the log", async () => line() !== undefined);
    assert.match(line() ?? "", /DEPLOYMENT_SECRET must have at least 32 characters/);
  }
});
