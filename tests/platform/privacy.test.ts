//! Export, deletion and the audit log, through the real runtime.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, Platform } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
after(() => docle.stop());

test("an end user and an account are exported and forgotten", async () => {
  const user = await docle.signIn("ada@example.com");
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const { key } = await json(201, await user.call("POST", `/api/projects/${project}/keys`, {}));
  const body = (id: string) => ({ lang: "python", code: "print(1)", userContext: { id } });
  const { id: run } = await json(200, await docle.run(key, {}, body("u 1")));
  await json(200, await docle.run(key, {}, body("u2")));

  const endUser = `/api/projects/${project}/end-users?id=u%201`;
  await until("the run to be booked", async () => (await json(200, await user.call("GET", endUser))).history.length === 1, 20);
  await json(200, await docle.fetch(`/api/run/${run}`));
  assert.deepEqual(await json(200, await user.call("DELETE", endUser)), { deleted_runs: 1, complete: true });
  await json(404, await docle.fetch(`/api/run/${run}`));

  const { events } = await json(200, await user.call("GET", `/api/projects/${project}/audit`));
  assert.deepEqual(events.map((event: { action: string }) => event.action).sort(), ["key_created", "project_created"]);
  const exported = await json(200, await user.call("GET", "/auth/export"));
  assert.equal(exported.projects[0].apiKeys[0].key_prefix, key.slice(0, 12));
  assert.ok(!JSON.stringify(exported).includes(key));

  assert.equal((await user.call("DELETE", "/auth/me")).status, 204);
  await json(401, await user.call("GET", "/auth/me"));
  await json(401, await docle.run(key));
});
