//! Snapshots as their users meet them: the real runner behind the real Worker, with the runtime's own bucket.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { json, type Json, sandboxApi, SANDBOXES } from "../harness/sandbox-api.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);

const sh = async (sandbox: string, command: string) => {
  const result = await json(200, await call("POST", `${sandbox}/exec`, { command }));
  assert.equal(result.exitCode, 0, result.stderr);
  return result.stdout as string;
};
const snapshot = async (sandbox: string, name: string) => `${sandbox}/snapshots/${(await json(201, await call("POST", `${sandbox}/snapshots`, { name }))).id}`;

/** Everything about all files of the workspace. */
const LOOK = "find . -printf '%p %y %m %T@ %l %n ' -type f -exec sha256sum {} \\; -o -printf '%p %y %m %l\\n' | sort";
const GROW = "mkdir -p d/e; head -c 700000 /dev/urandom > d/e/big; ln d/e/big hard; ln -s ../nowhere d/link; mkfifo pipe; : > empty; truncate -s 5M sparse; chmod 0400 empty; touch -d '2001-02-03 04:05:06.123456789' d/e/big";

test("a snapshot comes back as it was, after sleep, after the loss of the runner, and in a branch", async () => {
  const sandbox = await create();
  await sh(sandbox, GROW);
  const before = await sh(sandbox, LOOK);
  const first = await snapshot(sandbox, "first");
  await sh(sandbox, "rm -rf d; echo other > hard; echo new > new");
  const changes = (await json(200, await call("GET", `${first}/diff`))).changes as Json[];
  const kinds = Object.fromEntries(changes.map(({ path, change }) => [path.replace("/workspace/", ""), change]));
  assert.deepEqual(kinds, { d: "removed", "d/e": "removed", "d/e/big": "removed", "d/link": "removed", hard: "changed", new: "added" });
  assert.equal(changes.find(({ path }) => path === "/workspace/new")?.diff, "@@ -0,0 +1 @@\n+new\n");

  const branch = `${SANDBOXES}/${(await json(201, await call("POST", `${sandbox}/branch`, { snapshot: first.split("/").at(-1) }))).id}`;
  assert.equal(await sh(branch, LOOK), before);

  await json(200, await call("POST", `${first}/restore`));
  assert.equal(await sh(sandbox, LOOK), before);
  await sh(sandbox, "echo later > later");
  await json(200, await call("POST", `${sandbox}/sleep`));
  await json(200, await call("POST", `${first}/restore`));
  assert.equal((await json(200, await call("GET", sandbox))).status, "sleeping");
  assert.equal(await sh(sandbox, LOOK), before);
  await docle.runner.kill();
  await docle.runner.restart();
  // A call that meets the loss itself says that its end is unknown, or that nothing was done, and may be repeated.
  await until("the files of the snapshot", async () => ![502, 503].includes((await call("POST", `${first}/restore`)).status));
  await json(200, await call("POST", `${first}/restore`));
  assert.equal(await sh(sandbox, LOOK), before);
  assert.equal((await call("DELETE", sandbox)).status, 204);
  assert.equal(await sh(branch, LOOK), before, "a branch shares nothing");
});

test("some paths come back while processes go on", async () => {
  const sandbox = await create();
  await sh(sandbox, "mkdir src; echo one > src/a; echo one > other");
  const first = await snapshot(sandbox, "first");
  await sh(sandbox, "echo two > src/a; echo two > src/added; echo two > other; (while true; do date +%N > beat; sleep 0.05; done) >/dev/null 2>&1 &");
  await json(200, await call("POST", `${first}/restore`, { paths: ["src"] }));
  assert.equal(await sh(sandbox, "cat src/a other; ls src"), "one\ntwo\na\n");
  assert.match(await sh(sandbox, 'was=$(cat beat); until [ "$(cat beat)" != "$was" ]; do sleep 0.05; done; echo on'), /^on/);
  const missing = await json(404, await call("POST", `${first}/restore`, { paths: ["none"] }));
  assert.equal(missing.code, "file_not_found");
});
