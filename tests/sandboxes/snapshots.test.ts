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
/** The same but times: merges give the content of another sandbox its time there, and the others keep their own. */
const LOOK_UNTIMED = LOOK.replace(" %T@", "");
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

test("a branch is merged into its sandbox and back, with everything that files have", async () => {
  const sandbox = await create();
  await sh(sandbox, "mkdir src kept; echo one > src/a; echo one > src/b; echo one > src/c; echo one > gone; seq 100000 > src/long; chmod 644 src/b");
  const branch = `${SANDBOXES}/${(await json(201, await call("POST", `${sandbox}/branch`))).id}`;
  const merge = async (into: string, from: string) => json(200, await call("POST", `${into}/merge`, { from: from.split("/").at(-1) }));
  await sh(branch, `echo theirs > src/a; chmod 755 src/b; rm gone; (cd src; ${GROW}); echo 5 >> src/long`);
  await sh(sandbox, "echo ours > src/b; echo same > src/c; echo new > kept/new");
  await sh(branch, "echo same > src/c; rmdir kept");

  // A process of the sandbox goes on.
  await sh(sandbox, "(while true; do date +%N > /tmp/beat; sleep 0.05; done) >/dev/null 2>&1 &");
  const result = await merge(sandbox, branch);
  assert.deepEqual([result.merged, result.conflicts], [true, []]);
  const changes = Object.fromEntries((result.changes as Json[]).map(({ path, change }) => [path.replace("/workspace/", ""), change]));
  assert.deepEqual([changes["src/a"], changes["src/b"], changes.gone, changes["src/d/e/big"], changes["src/c"]], ["changed", "mode", "removed", "added", undefined]);
  const look = "cat src/a src/b src/c kept/new; tail -1 src/long; stat -c %a src/b; stat -c %h src/hard; test ! -e gone";
  assert.equal(await sh(sandbox, look), "theirs\nours\nsame\nnew\n5\n755\n2\n");
  assert.match(await sh(sandbox, 'was=$(cat /tmp/beat); until [ "$(cat /tmp/beat)" != "$was" ]; do sleep 0.05; done; echo on'), /^on/);

  await merge(branch, sandbox);
  assert.equal(await sh(branch, LOOK_UNTIMED), await sh(sandbox, LOOK_UNTIMED));
  await json(200, await call("POST", `${sandbox}/sleep`));
  assert.equal(await sh(branch, LOOK_UNTIMED), await sh(sandbox, LOOK_UNTIMED), "what came in is saved like everything else");
});

test("what a program wrote during a merge, and names that look like ours, were lost", async () => {
  const sandbox = await create();
  await sh(sandbox, "mkdir w; echo one > a; echo mine > .docle-part-1; mkdir /.docle-part-2; echo mine > /.docle-part-2/x");
  const branch = `${SANDBOXES}/${(await json(201, await call("POST", `${sandbox}/branch`))).id}`;
  await sh(branch, "echo two > a; head -c 3000000 /dev/urandom > big; mkdir new; echo new > new/file");
  await sh(sandbox, "(i=0; while [ ! -e /tmp/stop ]; do i=$((i + 1)); echo $i > w/$i; sleep 0.002; done; touch /tmp/stopped) >/dev/null 2>&1 & until [ -e w/50 ]; do :; done");
  for (const round of [1, 2, 3]) {
    await sh(branch, `echo ${round} > a`);
    const merged = await json(200, await call("POST", `${sandbox}/merge`, { from: branch.split("/").at(-1) }));
    assert.equal(merged.merged, true, JSON.stringify(merged.conflicts));
  }
  await sh(sandbox, "touch /tmp/stop; until [ -e /tmp/stopped ]; do :; done");
  const look = "test $(ls w | sort -n | tail -1) = $(ls w | wc -l); cat a new/file .docle-part-1 /.docle-part-2/x";
  assert.equal(await sh(sandbox, look), "3\nnew\nmine\nmine\n");
  await json(200, await call("POST", `${sandbox}/sleep`));
  assert.equal(await sh(sandbox, look), "3\nnew\nmine\nmine\n");
});

test("a merge that the disk has no room for is refused before the sandbox could not wake", async () => {
  const sandbox = await create({ runtime_config: { diskMB: 16 } });
  await sh(sandbox, "echo one > a");
  const branch = `${SANDBOXES}/${(await json(201, await call("POST", `${sandbox}/branch`))).id}`;
  await json(200, await call("PATCH", branch, { runtime_config: { diskMB: 64 } }));
  await sh(branch, "mkdir many; cd many; for n in $(seq 4500); do echo > $n; done");
  await json(200, await call("POST", `${sandbox}/sleep`));
  const refused = await json(422, await call("POST", `${sandbox}/merge`, { from: branch.split("/").at(-1) }));
  assert.equal(refused.code, "disk_full");
  assert.equal(await sh(sandbox, "cat a; ls"), "one\na\n");
  // What just fits wakes.
  await sh(branch, "cd many; rm $(seq 4060 4500)");
  await json(200, await call("POST", `${sandbox}/sleep`));
  await json(200, await call("POST", `${sandbox}/merge`, { from: branch.split("/").at(-1) }));
  assert.equal(await sh(sandbox, "ls many | wc -l"), "4059\n");
});

test("a disk that was made smaller than its files kept them from their owner", async () => {
  const sandbox = await create({ runtime_config: { diskMB: 64 } });
  await sh(sandbox, "head -c 20000000 /dev/urandom > big; sha256sum big > sum");
  await json(200, await call("PATCH", sandbox, { runtime_config: { diskMB: 16 } }));
  await json(200, await call("POST", `${sandbox}/sleep`));
  assert.equal(await sh(sandbox, "sha256sum -c sum; rm big"), "big: OK\n");
  await json(200, await call("POST", `${sandbox}/sleep`));
  const bytes = Number(await sh(sandbox, "cat sum > kept; df --output=size -B1 / | tail -1"));
  assert.equal(bytes, 16 << 20, "it has its own size as soon as the files fit");
});

test("conflicts of a merge are listed and nothing is written", async () => {
  const sandbox = await create();
  await sh(sandbox, "echo one > edited; echo one > deleted; mkdir place; echo one > mode");
  const branch = `${SANDBOXES}/${(await json(201, await call("POST", `${sandbox}/branch`))).id}`;
  await sh(branch, "echo theirs > edited; rm deleted; rmdir place; echo file > place; chmod 700 mode; echo fine > fine");
  await sh(sandbox, "echo our > edited; echo ours > deleted; echo in > place/in; chmod 600 mode");
  const before = await sh(sandbox, LOOK);
  const result = await json(200, await call("POST", `${sandbox}/merge`, { from: branch.split("/").at(-1) }));
  const kinds = (result.conflicts as Json[]).map(({ path, base, ours, theirs }) => [path.replace("/workspace/", ""), ...[base, ours, theirs].map((one) => one && `${one.type} ${one.size} ${one.mode}`)]);
  assert.deepEqual(kinds, [
    ["deleted", "file 4 0644", "file 5 0644", null],
    ["edited", "file 4 0644", "file 4 0644", "file 7 0644"],
    ["mode", "file 4 0644", "file 4 0600", "file 4 0700"],
    ["place", "directory 0 0755", "directory 0 0755", "file 5 0644"],
  ]);
  assert.deepEqual([result.merged, result.changes], [false, []]);
  assert.equal(await sh(sandbox, LOOK), before);
});
