//! Snapshots with `@doclehq/sdk`, from its tarball, against the real service.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle as Service } from "../../tests/harness/docle.ts";
import type * as Sdk from "../sdk/src/sandboxes.ts";
import { install, load } from "./packed.ts";

const installed = install("sdk");
const { Sandboxes, DocleError } = (await load(installed, "sandboxes")) as typeof Sdk;
const service = await Service.start();
after(async () => {
  await service.stop();
  installed.remove();
});
const sandboxes = new Sandboxes({ apiKey: service.worker.key, baseUrl: service.worker.url });

test("a snapshot is compared, restored in part, branched and deleted", async () => {
  const sandbox = await sandboxes.create({ name: "From the client" });
  await sandbox.files.write("a", "before");
  const snapshot = await sandbox.snapshots.create("before");
  assert.equal((await sandbox.snapshots.get(snapshot.id)).name, "before");
  await sandbox.files.write("a", "changed");
  await sandbox.files.write("b", "added");
  const { changes } = await sandbox.snapshots.diff(snapshot.id);
  assert.deepEqual(changes.map(({ path, change }) => [path, change]), [["/workspace/a", "changed"], ["/workspace/b", "added"]]);
  const branch = await sandbox.branch({ name: "Branch" });
  assert.equal(branch.info.name, "Branch");
  await sandbox.snapshots.restore(snapshot.id, { paths: ["a"] });
  assert.deepEqual([await sandbox.files.readText("a"), await sandbox.files.readText("b")], ["before", "added"]);
  await sandbox.snapshots.restore(snapshot.id);
  await assert.rejects(sandbox.files.read("b"), (error) => error instanceof DocleError && error.code === "file_not_found");
  assert.equal(await branch.files.readText("a"), "changed");
  const listed = [];
  for await (const one of sandbox.snapshots.list({ limit: 1 })) listed.push(one.id);
  assert.deepEqual(listed, [snapshot.id]);
  const archive = await new Response(await sandbox.snapshots.export(snapshot.id)).text();
  assert.ok(archive.includes("workspace/a"));
  await sandbox.files.upload(await new Response(await sandbox.files.download()).blob(), "copy");
  assert.equal(await sandbox.files.readText("copy/a"), "before");
  await sandbox.files.delete("copy", { recursive: true });
  await sandbox.snapshots.delete(snapshot.id);
  await assert.rejects(sandbox.snapshots.get(snapshot.id), (error) => error instanceof DocleError && error.code === "snapshot_not_found");
  assert.deepEqual(await sandbox.setEnvVars({ COLOR: "blue" }), ["COLOR"]);
  assert.deepEqual((await sandbox.files.search("BEF", { regex: false })).matches, []);
  assert.deepEqual((await sandbox.files.search("(?i)BEF", { regex: true })).matches.map(({ path, line }) => [path, line]), [["/workspace/a", 1]]);
  assert.equal((await sandbox.exec("echo $COLOR")).stdout, "blue\n");
  await branch.files.write("c", "from the branch");
  const merged = await sandbox.merge(branch);
  assert.deepEqual([merged.merged, merged.changes.map(({ path, change }) => [path, change])], [true, [["/workspace/c", "added"]]]);
  assert.equal(await sandbox.files.readText("c"), "from the branch");
  await sandbox.files.write("c", "ours");
  await branch.files.write("c", "theirs");
  const refused = await sandbox.merge(branch.id);
  assert.deepEqual([refused.merged, refused.conflicts.map(({ path }) => path)], [false, ["/workspace/c"]]);
  await Promise.all([branch.delete(), sandbox.delete()]);
});
