//! The descriptions of the API and of its errors: served, and true of every path and code that they name.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Validator } from "@seriousme/openapi-schema-validator";
import openapiTypes from "openapi-typescript";
import { own, tsc } from "../../scripts/setup/paths.mjs";
import { json, Platform } from "../harness/platform.ts";

const docle = await Platform.start();
after(() => docle.stop());

test("every path that is described is there, for the methods that are described and no others", async () => {
  const { openapi, paths } = await json(200, await docle.fetch("/openapi.json"));
  assert.equal(openapi, "3.1.0");
  assert.ok(Object.keys(paths).length > 20);
  for (const [path, operations] of Object.entries(paths) as [string, Record<string, unknown>][]) {
    // No path has all of these methods.
    const method = ["PUT", "PATCH", "DELETE", "POST"].find((one) => !(one.toLowerCase() in operations)) ?? assert.fail(path);
    const refused = await docle.fetch(path.replace("{id}", "x"), { method });
    assert.equal(refused.status, 405, path);
    await refused.text();
    const allowed = (refused.headers.get("allow") ?? "").split(", ").filter((method) => method !== "HEAD" && method !== "OPTIONS");
    assert.deepEqual(allowed.sort(), Object.keys(operations).map((method) => method.toUpperCase()).sort(), path);
  }
});

test("it is OpenAPI 3.1 by the book, and tells ranges and error codes", async () => {
  const document = await json(200, await docle.fetch("/openapi.json"));
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
  const { Policy, KeySettings, Problem, StoredRun } = document.components.schemas;
  assert.deepEqual([Policy.properties.timeoutMs.minimum, Policy.properties.timeoutMs.maximum], [100, 300_000]);
  assert.deepEqual([KeySettings.properties.rateLimitPerMinute.maximum, KeySettings.properties.rateLimitPerMinute.default], [10_000, 60]);
  assert.equal(StoredRun.properties.usage.$ref, "#/components/schemas/RunUsage");
  const { code } = await json(404, await docle.fetch("/nowhere"));
  assert.ok(Problem.properties.code.enum.includes(code));
});

test("it passes a linter without a warning", async () => {
  const source = await (await docle.fetch("/openapi.json")).text();
  const rules = {
    // A WebSocket answers with 101, and a new room is a redirection.
    "operation-2xx-response": "off",
    // What anyone can read cannot be asked for wrongly.
    "operation-4xx-response": "off",
    // Messages of WebSockets are referred to in x-websocket, which the linter does not read; a test of docle-api does.
    "no-unused-components": "off",
  } as const;
  const config = await createConfig({ extends: ["recommended"], rules });
  const problems = await lintFromString({ source, absoluteRef: "/openapi.json", config });
  assert.deepEqual(problems.map(({ ruleId, message, location: [at] }) => `${ruleId}: ${message} ${at?.pointer}`), []);
});

test("types for TypeScript come out of it, and mean what they should", async () => {
  const document = await json(200, await docle.fetch("/openapi.json"));
  const directory = join(own, "openapi-types");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "api.ts"), await openapiTypes(document));
  writeFileSync(join(directory, "use.ts"), USE);
  const options = ["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--allowImportingTsExtensions", "--module", "nodenext", "--types", ""];
  await promisify(execFile)(process.execPath, [tsc, ...options, join(directory, "use.ts")]).catch(({ stdout }: { stdout: string }) => assert.fail(stdout));
});

/** A program that only compiles where the types are right. */
const USE = `
import type { components, operations } from "./api.ts";
type Schemas = components["schemas"];
export const request: Schemas["RunRequest"] = { lang: "python", code: "print(1)", policy: { timeoutMs: 500 } };
export const status = (result: Schemas["RunResult"]): "success" | "timeout" | undefined =>
  result.status === "success" || result.status === "timeout" ? result.status : undefined;
export const event: Schemas["RunEvent"] = { type: "stdout", data: "1" };
export const code: Schemas["Problem"]["code"] = "runner_busy";
export const ends: Schemas["KeySettings"] = { expiresAt: null };
export type Body = operations["create_run"]["requestBody"]["content"]["application/json"];
// @ts-expect-error A run has no such field.
export const wrong: Schemas["RunRequest"] = { lang: "python", timeout: 500 };
// @ts-expect-error What may be left out is not null.
export const absent: Schemas["RunRequest"] = { lang: "python", stdin: null };
`;

test("the type of a problem leads to what its code means, as text and as a page", async () => {
  const { type, code } = await json(404, await docle.fetch("/nowhere"));
  const { pathname, hash } = new URL(type, docle.worker.url);
  assert.deepEqual([code, hash], ["not_found", "#not_found"]);

  const text = await docle.fetch(pathname);
  assert.deepEqual([text.status, text.headers.get("content-type")], [200, "text/markdown; charset=utf-8"]);
  assert.match(await text.text(), /^## not_found\n\nHTTP 404\. This path does not exist\. /m);

  const page = await docle.fetch(pathname, { headers: { accept: "text/html,*/*;q=0.8" } });
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const html = await page.text();
  assert.match(html, /<h2 id="not_found">not_found<\/h2>\n<p>HTTP 404\. This path does not exist\. /);
  assert.equal(html.match(/<h1/g)?.length, 1, "a page has one main heading");
  const { components } = await json(200, await docle.fetch("/openapi.json"));
  const codes: string[] = components.schemas.Problem.properties.code.enum;
  assert.deepEqual(codes.filter((one) => !html.includes(`<h2 id="${one}">`)), []);
  const targets = new Set(Array.from(html.matchAll(/<a[^>]* href="([^"#]*)[^"]*"/g), ([, target = ""]) => target).filter((target) => target.startsWith("/docs")));
  assert.ok(targets.size > 10);
  for (const target of targets) assert.equal((await docle.fetch(target, { headers: { accept: "text/html" } })).status, 200, target);
});
