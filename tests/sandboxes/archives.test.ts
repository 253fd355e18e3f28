//! Archives of directories and snapshots, made and read by the machine's own tar, through the real Worker and runner.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { json, sandboxApi } from "../harness/sandbox-api.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);

const sh = async (sandbox: string, command: string) => {
  const result = await json(200, await call("POST", `${sandbox}/exec`, { command }));
  assert.equal(result.exitCode, 0, result.stderr);
  return result.stdout as string;
};
const bytes = async (response: Response) => {
  assert.equal(response.status, 200, response.status === 200 ? "" : await response.text());
  return new Uint8Array(await response.arrayBuffer());
};
const upload = (sandbox: string, path: string, archive: Uint8Array) => call("POST", `${sandbox}/archive?path=${encodeURIComponent(path)}`, archive, { "content-type": "application/x-tar" });

const GROW = "mkdir -p d/e; head -c 3000000 /dev/urandom > d/e/big; ln d/e/big hard; ln -s ../nowhere d/link; mkfifo pipe; truncate -s 30M sparse; chmod 0400 d/e/big; touch -d '2001-02-03 04:05:06.123456789' sparse";
const LOOK = "find . -printf '%p %y %m %T@ %l %n %s ' -type f -exec sha256sum {} \\; -o -printf '\\n' | sort";

test("a directory goes from one sandbox to another one through the tar of this machine", async () => {
  const [one, other] = await Promise.all([create(), create()]);
  await sh(one, `mkdir src; cd src; ${GROW}`);
  const archive = await bytes(await call("GET", `${one}/archive?path=src`));
  const listed = execFileSync("tar", ["-tvf", "-"], { input: archive, encoding: "utf8" });
  assert.match(listed, /^drwxr-xr-x .* d\n/);
  assert.match(listed, /hard link to d\/e\/big\n/);
  const made = await json(200, await upload(other, "some/where", archive));
  assert.deepEqual([made.path, made.type], ["/workspace/some/where", "directory"]);
  const withoutTop = (text: string) => text.split("\n").filter((line) => !line.startsWith(". ")).join("\n");
  assert.equal(withoutTop(await sh(other, `cd some/where; ${LOOK}`)), withoutTop(await sh(one, `cd src; ${LOOK}`)));
  assert.equal(await sh(other, "test $(stat -c %b some/where/sparse) -lt 1000; stat -c %h some/where/hard"), "2\n");
});

test("a snapshot is exported while its sandbox sleeps, with what several saves have stored", async () => {
  const [one, other] = await Promise.all([create(), create()]);
  await sh(one, GROW);
  for (const round of [1, 2, 3]) {
    await sh(one, `for n in $(seq 200); do echo ${round} $n > $n-${round}; done; echo ${round} > /home/user/own`);
    await json(200, await call("POST", `${one}/sleep`));
  }
  const { id } = await json(201, await call("POST", `${one}/snapshots`, {}));
  await json(200, await call("POST", `${one}/sleep`));
  const archive = await bytes(await call("GET", `${one}/snapshots/${id}/export`));
  assert.equal((await json(200, await call("GET", one))).status, "sleeping");
  assert.equal(execFileSync("tar", ["-xOf", "-", "workspace/7-2"], { input: archive, encoding: "utf8" }), "2 7\n");
  await json(200, await upload(other, "/", archive));
  // A directory that is there keeps its own time.
  const files = `(${LOOK}) | grep -v '^[.] ' | sha256sum; cat /home/user/own`;
  assert.equal(await sh(other, files), await sh(one, files));
  assert.equal((await problem(404, await call("GET", `${one}/snapshots/snap_none/export`))).code, "snapshot_not_found");
});

test("an archive that fails in the middle changed what came before", async () => {
  const sandbox = await create();
  await sh(sandbox, "mkdir in; cd in; mkdir open closed; echo kept > a; echo kept > open/b; chmod 555 closed");
  const archive = new Uint8Array(execFileSync("bash", ["-euc", "d=$(mktemp -d); trap 'rm -rf $d' EXIT; cd $d; mkdir new open closed; echo x | tee a new/c open/b closed/d >&2; tar -cf - a new open/b closed/d"], { stdio: ["ignore", "pipe", "ignore"] }));
  // The times of directories tell that something was there for a moment.
  const look = `(${LOOK}) | sed 's/^\\(.* d [0-7]* \\)[^ ]*/\\1/'`;
  const before = await sh(sandbox, look);
  const refused = await problem(422, await upload(sandbox, "in", archive));
  assert.equal(refused.code, "file_refused");
  assert.equal(await sh(sandbox, look), before);
  await sh(sandbox, "chmod 755 in/closed");
  await json(200, await upload(sandbox, "in", archive));
  assert.equal(await sh(sandbox, "cd in; cat a new/c open/b closed/d"), "x\nx\nx\nx\n");
});

test("a few bytes that would be an archive without end are refused", async () => {
  const sandbox = await create();
  await sh(sandbox, "mkdir holes; truncate -s 2G holes/a holes/b; echo x > holes/c");
  const refused = await problem(422, await call("GET", `${sandbox}/archive?path=holes`));
  assert.equal(refused.code, "file_refused");
  assert.match(refused.detail ?? "", /more than 4 GiB/);
  await sh(sandbox, "truncate -s 1M holes/a holes/b");
  assert((await bytes(await call("GET", `${sandbox}/archive?path=holes`))).length > 2 << 20);
});

test("an archive that leads out, breaks off or does not fit changes nothing", async () => {
  const sandbox = await create({ runtime_config: { diskMB: 16 } });
  await sh(sandbox, "mkdir in; echo kept > in/file; echo kept > outside; ln -s /workspace in/out");
  const before = await sh(sandbox, LOOK);
  const made = (script: string) => new Uint8Array(execFileSync("bash", ["-euc", `d=$(mktemp -d); trap 'rm -rf $d' EXIT; cd $d; ${script}`], { maxBuffer: 64 << 20 }));
  const refused: [string, Uint8Array, number, string][] = [
    ["..", made("echo x > outside; mkdir a; cd a; tar -cPf - ../outside"), 422, "file_refused"],
    ["a link that is there", made("mkdir out; echo x > out/outside; tar -cf - out/outside"), 409, "not_a_directory"],
    ["a file for a directory", made("mkdir file; echo x > file/a; tar -cf - file/a"), 409, "not_a_directory"],
    ["no archive", new TextEncoder().encode("x".repeat(2000)), 422, "file_refused"],
    ["nothing", new Uint8Array(), 422, "file_refused"],
    ["half an archive", made("seq 100000 > a; tar -cf - a").slice(0, 30_000), 422, "file_refused"],
    ["a bomb", made("head -c 20000000 /dev/urandom > a; tar -cf - a"), 422, "disk_full"],
  ];
  for (const [what, archive, status, code] of refused) {
    assert.equal((await problem(status, await upload(sandbox, "in", archive))).code, code, what);
    // Only the time of the directory may be another one.
    const times = (text: string) => text.replace(/^\.\/in d 755 \S+/m, "./in d 755");
    assert.equal(times(await sh(sandbox, LOOK)), times(before), what);
  }
  assert.equal((await problem(409, await call("GET", `${sandbox}/archive?path=outside`))).code, "not_a_directory");
  assert.equal((await problem(404, await call("GET", `${sandbox}/archive?path=none`))).code, "file_not_found");
});
