//! The description of the API: served, and true of every path that it names.

import assert from "node:assert/strict";
import { after, test } from "node:test";
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
