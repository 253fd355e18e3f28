//! The descriptions of the API and of its errors: served, and true of every path and code that they name.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { json, Platform } from "../harness/platform.ts";

const docle = await Platform.start();
after(() => docle.stop());

test("every path that is described is there, for the methods that are described and no others", async () => {
  const { openapi, paths } = await json(200, await docle.fetch("/openapi.json"));
  assert.equal(openapi, "3.1.0");
  assert.ok(Object.keys(paths).length > 20);
  for (const [path, operations] of Object.entries(paths) as [string, Record<string, unknown>][]) {
    const refused = await docle.fetch(path.replace("{id}", "x"), { method: "PUT" });
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

test("the type of a problem leads to what its code means, as text and as a page", async () => {
  const { type, code } = await json(404, await docle.fetch("/nowhere"));
  const { pathname, hash } = new URL(type, docle.worker.url);
  assert.deepEqual([code, hash], ["not_found", "#not_found"]);

  const text = await docle.fetch(pathname);
  assert.deepEqual([text.status, text.headers.get("content-type")], [200, "text/markdown; charset=utf-8"]);
  assert.match(await text.text(), /^## not_found\n\n404\. There is nothing at this path\.$/m);

  const page = await docle.fetch(pathname, { headers: { accept: "text/html,*/*;q=0.8" } });
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const html = await page.text();
  assert.match(html, /<h2 id="not_found">not_found<\/h2>\n<ol start="404">\n<li>There is nothing at this path\.<\/li>/);
  const { components } = await json(200, await docle.fetch("/openapi.json"));
  const codes: string[] = components.schemas.Problem.properties.code.enum;
  assert.deepEqual(codes.filter((one) => !html.includes(`<h2 id="${one}">`)), []);
  for (const [, target = ""] of html.matchAll(/href="([^"]*)"/g)) assert.match(target, /^https:/, "other pages are not served");
});
