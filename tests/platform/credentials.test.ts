//! Every operation that the API describes, called with credentials that must not open it.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, Platform, type User } from "../harness/platform.ts";

interface Operation {
  method: string;
  path: string;
  security: Record<string, unknown>[];
  /** What does not ask for a WebSocket is told so, before anything else. */
  isSocket: boolean;
}

const docle = await Platform.start();
after(() => docle.stop());
const { paths } = (await (await docle.fetch("/openapi.json")).json()) as { paths: Record<string, Record<string, { security?: Record<string, unknown>[]; responses: Record<string, unknown> }>> };
const operations: Operation[] = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { security = [], responses }]) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, "x"), security, isSocket: "101" in responses })),
);
const takes = ({ security }: Operation, ...schemes: string[]) => security.some((one) => Object.keys(one).some((name) => schemes.includes(name)));
const isOpen = ({ security, isSocket }: Operation) => isSocket || security.length === 0 || security.some((one) => Object.keys(one).length === 0);

/** Calls an operation with these headers. */
function call({ method, path }: Operation, headers: Record<string, string>): Promise<Response> {
  const body = method === "GET" ? {} : { body: "{}" };
  return docle.fetch(path, { method, headers: { "content-type": "application/json", ...headers }, ...body });
}

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });
const newToken = async (key: string, settings: object = {}) => (await json(201, await docle.send("/api/tokens", settings, bearer(key)))).token as string;

let ada: User;
let key: string;
let publishable: string;
let publishableId: string;
/** The page that the publishable key is for. */
const page = { origin: "https://app.example.com" };
test("a user has a project with a key", async () => {
  ada = await docle.signIn("ada@example.com");
  const { id } = await json(201, await ada.call("POST", "/api/projects", { name: "Shop" }));
  ({ key } = await json(201, await ada.call("POST", `/api/projects/${id}/keys`, { rateLimitPerMinute: 10_000 })));
  const settings = { type: "publishable", allowedDomains: ["app.example.com"], rateLimitPerMinute: 10_000, limits: { networkRateLimitPerMinute: 10_000 } };
  ({ key: publishable, id: publishableId } = await json(201, await ada.call("POST", `/api/projects/${id}/keys`, settings)));
  assert.ok(operations.length > 40, `${operations.length} operations`);
});

test("credentials that nobody made open nothing", async () => {
  const token = await newToken(key);
  const [claims = "", signature = ""] = token.split(".");
  const changed = Buffer.from(claims.slice(3), "base64url").toString().replace('"expiresAt":', '"expiresAt":9');
  const forged = { changed: `rt_${Buffer.from(changed).toString("base64url")}.${signature}`, "cut off": token.slice(0, -1), "unsigned": claims, "a key": `sk_live_${"0".repeat(48)}`, "a publishable key": `pk_live_${"0".repeat(48)}`, "a secret key under another name": key.replace("sk_", "pk_"), "a secret key as a management token": key.replace("sk_", "mt_"), "a management token": `mt_live_${"0".repeat(48)}`, "a publishable key under another name": publishable.replace("pk_", "sk_"), nothing: "" };
  for (const operation of operations.filter((one) => !isOpen(one))) {
    for (const [what, credential] of Object.entries(forged)) {
      const response = await call(operation, bearer(credential));
      // A room that does not exist is said to be none before anything is asked for.
      const expected = takes(operation, "roomToken") ? [401, 404] : [401];
      assert.ok(expected.includes(response.status), `${operation.method} ${operation.path} with ${what}: ${response.status}`);
    }
  }
});

test("a run token opens what takes run tokens, and nothing else", async () => {
  const token = await newToken(key);
  for (const operation of operations.filter((one) => !isOpen(one))) {
    const response = await call(operation, bearer(token));
    const { status } = response;
    // It may cancel its own runs, of which this is none.
    const isNoneOfItsRuns = status === 404 && ((await response.json()) as { code: string }).code === "run_not_found";
    const opened = isNoneOfItsRuns || (status !== 401 && status !== 403 && status !== 404);
    assert.equal(opened, takes(operation, "runToken"), `${operation.method} ${operation.path}: ${status}`);
  }
});

test("a publishable key opens what takes one, from its pages, and nothing else", async () => {
  for (const operation of operations.filter((one) => !isOpen(one))) {
    const { status } = await call(operation, { ...bearer(publishable), ...page });
    const opened = status !== 401 && status !== 403 && status !== 404;
    assert.equal(opened, takes(operation, "publishableKey"), `${operation.method} ${operation.path}: ${status}`);
  }
});

test("a publishable key opens nothing from another page, from no page, or with the session of its owner beside it", async () => {
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "https://app.example.com.evil.example" },
    { origin: "null" },
    { referer: "https://app.example.com/" },
    {},
    { cookie: ada.cookie },
    { cookie: ada.cookie, origin: docle.worker.url },
  ];
  for (const operation of operations.filter((one) => takes(one, "publishableKey") && !isOpen(one))) {
    for (const headers of foreign) {
      const response = await call(operation, { ...bearer(publishable), ...headers });
      assert.equal(response.status, 403, `${operation.method} ${operation.path} with ${Object.keys(headers).join()}`);
    }
  }
});

test("a publishable key reads no run of its project but as everybody does, and mints and lists nothing", async () => {
  const { id } = await json(200, await docle.run(key));
  const { input } = await json(200, await docle.fetch(`/api/run/${id}`, { headers: { ...bearer(publishable), ...page } }));
  assert.equal(input, undefined);
  for (const [method, path] of [["POST", "/api/tokens"], ["GET", "/executions"], ["POST", "/api/rooms"], ["GET", "/api/rooms"]] as const) {
    const response = await docle.fetch(path, { method, headers: { ...bearer(publishable), ...page } });
    assert.equal(response.status, 403, `${method} ${path}`);
    assert.equal((await response.json() as { code: string }).code, "token_not_enough");
  }
});

test("a publishable key that was revoked opens nothing", async () => {
  await json(204, await ada.call("DELETE", `/api/keys/${publishableId}`));
  for (const operation of operations.filter((one) => takes(one, "publishableKey") && !isOpen(one))) {
    assert.equal((await call(operation, { ...bearer(publishable), ...page })).status, 401, `${operation.method} ${operation.path}`);
  }
});

test("a management token opens what takes one, from no page, and nothing else", async () => {
  const { id } = await json(201, await ada.call("POST", "/api/projects", { name: "Managed" }));
  const { id: tokenId, key: token } = await json(201, await ada.call("POST", `/api/projects/${id}/keys`, { type: "management", rateLimitPerMinute: 10_000 }));
  await json(200, await docle.fetch(`/api/projects/${id}/usage`, { headers: bearer(token) }));
  for (const operation of operations.filter((one) => !isOpen(one) && !takes(one, "roomToken"))) {
    const { status } = await call(operation, bearer(token));
    assert.equal(status !== 401 && status !== 403, takes(operation, "managementToken"), `${operation.method} ${operation.path}: ${status}`);
    for (const headers of [page, { origin: docle.worker.url }, { "sec-fetch-site": "same-origin" }]) {
      const refused = await call(operation, { ...bearer(token), ...headers });
      assert.ok([401, 403].includes(refused.status), `${operation.method} ${operation.path} with ${Object.keys(headers).join()}: ${refused.status}`);
    }
  }
  await json(204, await ada.call("DELETE", `/api/keys/${tokenId}`));
  for (const operation of operations.filter((one) => takes(one, "managementToken"))) assert.equal((await call(operation, bearer(token))).status, 401, `${operation.method} ${operation.path}`);
});

test("a key opens no operation of a session, and a session none of a key", async () => {
  for (const operation of operations.filter((one) => !isOpen(one))) {
    if (!takes(operation, "apiKey")) assert.equal((await call(operation, bearer(key))).status, 401, `${operation.method} ${operation.path}`);
    if (!takes(operation, "session", "roomToken")) assert.equal((await call(operation, { cookie: ada.cookie })).status, 401, `${operation.method} ${operation.path}`);
  }
});

test("a page of another site changes nothing with a cookie, in whatever form it sends it", async () => {
  const foreign = { cookie: ada.cookie, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  const changing = operations.filter((one) => takes(one, "session") && one.method !== "GET");
  assert.ok(changing.length > 10);
  for (const operation of changing) {
    for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const response = await call(operation, { ...foreign, "content-type": type });
      assert.equal(response.status, 403, `${operation.method} ${operation.path} as ${type}`);
      assert.equal(response.headers.get("access-control-allow-credentials"), null);
    }
  }
  await json(200, await ada.call("GET", "/auth/me"));
});
