//! What every caller meets around the runs: keys, results, health, methods and headers.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, describe, test } from "node:test";
import { Docle, problem, type RunResult } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

const quick = { lang: "python", code: "print(1)" };
const post = (headers: Record<string, string>, body: unknown = quick) =>
  docle.fetch("/api/run", { method: "POST", headers, body: JSON.stringify(body) });

describe("a key", () => {
  test("that is missing is asked for in the published words", async () => {
    const refusal = await problem(401, await post({}));
    assert.equal(refusal.error, "API key required");
    assert.match(refusal.message, /^Sign in and create a project to get your API key\. Send it in the header `Authorization: Bearer/);
    assert.equal(refusal.signup_url, `${docle.worker.url}/login`);
  });

  const key = docle.worker.key;
  const wrong: [name: string, value: string][] = [
    ["of another shape", "Bearer sk_test_1"],
    ["with a wrong checksum", `Bearer ${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`],
    ["that nobody made", `Bearer ${docle.worker.newKey()}`],
    ["in upper case", `Bearer ${key.toUpperCase()}`],
    ["in another scheme", `Basic ${key}`],
    ["with something behind it", `Bearer ${key} x`],
  ];
  for (const [name, authorization] of wrong) {
    test(`${name} is refused`, async () => {
      const response = await post({ authorization });
      assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer/);
      await problem(401, response);
    });
  }

  test("works whatever the case of the scheme", async () => {
    assert.equal((await post({ authorization: `bearer ${key}` })).status, 200);
  });

  test("comes before the body: a stranger learns nothing of what is wrong with it", async () => {
    const refusal = await problem(401, await post({}, { lang: "cobol" }));
    assert.equal(refusal.errors, undefined);
  });

  test("is never logged", () => {
    assert.ok(docle.worker.logs.length > 0);
    assert.ok(docle.worker.logs.every((line) => !line.includes(key) && !line.includes("print(1)")));
  });
});

describe("a result", () => {
  test("is there for anyone who has its id, as it was answered", async () => {
    const result = await docle.run(quick);
    const response = await docle.fetch(`/api/run/${result.id}`);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), result);
  });

  test("comes with its input for the project's own key only", async () => {
    const { id } = await docle.run({ ...quick, env: { TOKEN: "s3cret-value" } });
    const read = async (headers: Record<string, string>) => (await docle.fetch(`/api/run/${id}`, { headers })).json() as Promise<{ input?: unknown }>;
    assert.equal((await read({})).input, undefined);
    const own = await read({ authorization: `Bearer ${docle.worker.key}` });
    assert.match(JSON.stringify(own.input), /print\(1\)/);
    assert.ok(!JSON.stringify(own).includes("s3cret-value"));
  });

  for (const id of ["550e8400-e29b-41d4-a716-446655440000", "x", "550E8400-E29B-41D4-A716-446655440000", "..%2f", "%00"]) {
    test(`of ${id} is not there`, async () => {
      assert.equal((await problem(404, await docle.fetch(`/api/run/${id}`))).code, "run_not_found");
    });
  }
});

test("health says what lives", async () => {
  const response = await docle.fetch("/health");
  assert.equal(response.status, 200);
  const { status, version, environment, backend } = (await response.json()) as Record<string, any>;
  assert.deepEqual({ status, environment, kind: backend.kind, reachable: backend.reachable }, { status: "ok", environment: "development", kind: "url", reachable: true });
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.ok(backend.runner.languages.python && backend.runner.languages.node);
});

test("the root names the service", async () => {
  const body = (await (await docle.fetch("/")).json()) as Record<string, unknown>;
  assert.ok(body.name && body.version && body.links);
});

describe("methods", () => {
  test("HEAD is GET without a body", async () => {
    for (const path of ["/", "/health"]) {
      const response = await docle.fetch(path, { method: "HEAD" });
      assert.equal(response.status, 200);
      assert.equal(await response.text(), "");
    }
  });

  for (const [method, path, allow] of [["PATCH", "/api/run", "POST"], ["DELETE", "/health", "GET"], ["PUT", "/api/run/x", "GET"]] as const) {
    test(`${method} ${path} is not allowed`, async () => {
      const response = await docle.fetch(path, { method });
      assert.match(response.headers.get("allow") ?? "", new RegExp(allow));
      assert.equal((await problem(405, response)).code, "method_not_allowed");
    });
  }

  for (const path of ["/nothing", "/api", "/api/run/a/b", "//", "/API/run"]) {
    test(`${path} is not found`, async () => void (await problem(404, await docle.fetch(path))));
  }

  for (const path of ["/api/run", "/api/run/550e8400-e29b-41d4-a716-446655440000"]) {
    test(`OPTIONS ${path} lets any page call, without credentials`, async () => {
      const headers = { origin: "https://shop.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization" };
      const response = await docle.fetch(path, { method: "OPTIONS", headers });
      assert.equal(response.status, 204);
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      assert.equal(response.headers.get("access-control-allow-credentials"), null);
      assert.match(response.headers.get("access-control-allow-headers") ?? "", /authorization/i);
    });
  }

  test("pages may read answers and refusals", async () => {
    const headers = { origin: "https://shop.example" };
    for (const response of [await docle.post(quick, { headers }), await post(headers)]) {
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      assert.match(response.headers.get("access-control-expose-headers") ?? "", /x-request-id/i);
      await response.text();
    }
  });
});

describe("every answer", () => {
  test("carries a request id: the caller's where it is sane", async () => {
    const id = async (sent: string) => (await docle.fetch("/", { headers: { "x-request-id": sent } })).headers.get("x-request-id");
    assert.equal(await id("abc-123_X"), "abc-123_X");
    assert.match((await id("a b")) ?? "", /^[0-9a-f-]{36}$/);
    assert.match((await id("x".repeat(65))) ?? "", /^[0-9a-f-]{36}$/);
  });

  test("is neither sniffed nor stored", async () => {
    const { id } = await docle.run(quick);
    for (const path of ["/", "/health", "/nothing", `/api/run/${id}`]) {
      const { headers } = await docle.fetch(path);
      assert.equal(headers.get("x-content-type-options"), "nosniff", path);
      assert.equal(headers.get("cache-control"), "no-store", path);
    }
  });
});

test("two projects do not see each other's input", async () => {
  const { id } = await docle.run(quick);
  const other = docle.worker.newKey();
  const hash = createHash("sha256").update(other).digest("hex");
  await docle.worker.sql("INSERT INTO projects (id, log_id, name, created_at) VALUES ('proj_2', '0000000002', 'Other', 0)");
  await docle.worker.sql(
    `INSERT INTO api_keys (id, project_id, name, key_hash, key_prefix, created_at)
     VALUES ('key_3', 'proj_2', 'other', '${hash}', '${other.slice(0, 12)}', 0)`,
  );
  const read = (await (await docle.fetch(`/api/run/${id}`, { headers: { authorization: `Bearer ${other}` } })).json()) as RunResult & { input?: unknown };
  assert.equal(read.stdout, "1\n");
  assert.equal(read.input, undefined);
});
