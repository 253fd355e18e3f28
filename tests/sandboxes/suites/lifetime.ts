//! How a sandbox comes into being, what it is like, and that nothing is left of it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { processesWith, type Runner } from "../../harness/runner.ts";
import { RunnerSandbox, newId } from "../../harness/sandboxes.ts";
import { until } from "../../harness/until.ts";

/** Control groups of sandboxes of this runner, in all hierarchies. */
function groups(runner: Runner): string[] {
  const top = "/sys/fs/cgroup";
  const hierarchies = existsSync(top) ? readdirSync(top) : [];
  return hierarchies.flatMap((name) => {
    const directory = `${top}/${name}`;
    try {
      return readdirSync(directory).filter((group) => group.startsWith(`docle-${runner.pid}-`)).map((group) => `${directory}/${group}`);
    } catch {
      return []; // Not a directory.
    }
  });
}

export function lifetime(runner: Runner): void {
  describe("the life of a sandbox", () => {
    test("it is made once, is there, and is gone when it is deleted", async () => {
      const before = groups(runner);
      const id = newId();
      const sandbox = await RunnerSandbox.create(runner, {}, id);
      const again = await sandbox.create();
      assert.equal(again.status, 200);
      await sandbox.sh("echo kept > /workspace/file");
      assert.equal(await sandbox.sh("cat /workspace/file"), "kept\n");
      const marker = `marker-${randomBytes(6).toString("hex")}`;
      await sandbox.sh(`bash -c 'exec -a ${marker} sleep 1000' >/dev/null 2>&1 &`);
      await until("the process runs", () => processesWith(marker).length === 1);
      await sandbox.delete();
      assert.deepEqual(processesWith(marker), []);
      assert.deepEqual(groups(runner), before);
      assert.equal((await sandbox.request("GET")).status, 404);
      await sandbox.delete();
      // The next one of the same name has nothing of it.
      const next = await RunnerSandbox.create(runner, {}, id);
      assert.equal((await next.exec("cat /workspace/file")).exitCode, 1);
      await next.delete();
    });

    test("many that are asked for by one name at once are one", async () => {
      const id = newId();
      const sandboxes = await Promise.all(Array.from({ length: 8 }, () => RunnerSandbox.create(runner, {}, id)));
      await sandboxes[0]!.sh("echo one > x");
      assert.equal(await sandboxes[7]!.sh("cat x"), "one\n");
      await Promise.all(sandboxes.map((sandbox) => sandbox.delete()));
      assert.equal((await sandboxes[3]!.request("GET")).status, 404);
    });

    test("what a caller gets wrong is refused by name", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      const refusal = async (response: Response) => ({ status: response.status, ...((await response.json()) as { code: string; message: string }) });
      const wrong = await refusal(await sandbox.create({ memoryMB: 0 }));
      assert.equal(wrong.status, 400);
      assert.match(wrong.message, /^memoryMB: /);
      assert.match((await refusal(await sandbox.create({ env: { "A=": "b" } }))).message, /^env: /);
      assert.match((await refusal(await sandbox.start("true", { id: "a b" }))).message, /^id: /);
      assert.match((await refusal(await sandbox.start([]))).message, /^command/);
      assert.equal((await refusal(await sandbox.request("POST", "/exec", "{"))).code, "invalid_job");
      assert.equal((await refusal(await sandbox.request("DELETE", "/exec/nothing"))).status, 404);
      assert.equal((await refusal(await sandbox.request("GET", "/content"))).code, "invalid_job");
      const stranger = await fetch(`${runner.url}/v1/sandboxes/${sandbox.id}`, { headers: { "docle-protocol": "5" } });
      assert.equal(stranger.status, 401);
      await sandbox.delete();
    });

    test("its state tells processes, files and changes", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      const first = await sandbox.state();
      assert.equal(first.processes, 0);
      await sandbox.sh("head -c 5000000 /dev/zero > big; sleep 1000 >/dev/null 2>&1 &");
      const second = await sandbox.state();
      assert.equal(second.processes, 1);
      assert(second.diskBytes >= first.diskBytes + 5_000_000, JSON.stringify(second));
      assert(second.memMB >= 4, JSON.stringify(second));
      assert(second.revision > first.revision);
      assert.equal((await sandbox.state()).revision, second.revision, "to look is no change");
      await sandbox.file("mkdir", { path: "d", recursive: false });
      assert((await sandbox.state()).revision > second.revision);
      await sandbox.delete();
    });

    test("the places that people expect are there, and the system is read-only", async () => {
      const sandbox = await RunnerSandbox.create(runner, { env: { GREETING: "a 'quoted' $value\n" } });
      await sandbox.sh("cd && pwd && touch /home/user/a /workspace/b /app/c /mnt/data/d /tmp/e /var/tmp/f /dev/shm/g && mkdir /new && touch /new/h");
      assert.equal(await sandbox.sh("echo $HOME; whoami; pwd; hostname"), "/home/user\nuser\n/workspace\nsandbox\n");
      assert.equal(await sandbox.sh('printf %s "$GREETING"'), "a 'quoted' $value\n");
      assert.equal(await sandbox.sh('printf %s "$GREETING"', { env: { GREETING: "other" } }), "other");
      for (const path of ["/usr/x", "/etc/x", "/bin/x", "/lib/x", "/dev/x", "/proc/x", "/sys/x"]) {
        assert.notEqual((await sandbox.exec(`touch ${path}`)).exitCode, 0, path);
      }
      for (const program of ["python3 -c 'print(1)'", "node -e 'console.log(1)'", "bash -c 'echo 1'"]) {
        assert.equal(await sandbox.sh(program), "1\n", program);
      }
      assert.equal(await sandbox.sh("python3 -c 'import os; os.fork() or os._exit(0); os.wait(); print(open(\"/proc/self/comm\").read())'"), "python3\n\n");
      await sandbox.delete();
    });
  });
}
