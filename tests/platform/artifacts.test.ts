//! Files of runs in the bucket: they go with their end user and with their project.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, Platform } from "../harness/platform.ts";
import { Runner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const runner = await Runner.start();
const docle = await Platform.start({ SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret });
after(async () => {
  await docle.stop();
  await runner.stop();
});

test("a file is there until its end user or its project is deleted, for anyone with the link", async () => {
  const user = await docle.signIn("files@example.com");
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Files" }));
  const { key } = await json(201, await user.call("POST", `/api/projects/${project}/keys`, {}));
  const link = async (end_user: string) => {
    const body = { lang: "python", code: "open('a', 'w').write('x')", artifacts: ["a"], userContext: { id: end_user } };
    const { artifacts } = await json(200, await docle.run(key, {}, body));
    return artifacts[0].url as string;
  };
  const [first, second] = [await link("one"), await link("two")];
  const status = async (url: string) => {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status;
  };
  assert.deepEqual([await status(first), await status(second)], [200, 200]);
  await json(200, await user.call("DELETE", `/api/projects/${project}/end-users?id=one`));
  assert.deepEqual([await status(first), await status(second)], [404, 200]);
  assert.equal((await user.call("DELETE", `/api/projects/${project}`)).status, 204);
  await until("the end of the last file", async () => (await status(second)) === 404);
});
