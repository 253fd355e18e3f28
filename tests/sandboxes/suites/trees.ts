//! The trees of a sandbox: what is saved comes back as it was, and only what is new is sent.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Runner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";
import { Bucket } from "../../harness/trees.ts";
import { GROW, LOOK } from "./archive.ts";

/** Changes some files: the seed decides which, and how. */
const CHANGE = `
import os, random, sys
random.seed(int(sys.argv[1]))
top = b"/workspace/steps"
os.makedirs(top, exist_ok=True)
for _ in range(6):
    path = os.path.join(top, b"%d" % random.randrange(12))
    kind = random.randrange(5)
    if kind == 0 and os.path.lexists(path): os.remove(path)
    elif kind == 1 and os.path.lexists(path): os.rename(path, path + b"x")
    elif kind == 2 and os.path.exists(path):
        with open(path, "r+b") as file:
            file.seek(random.randrange(os.path.getsize(path) + 1))
            file.write(random.randbytes(10))
    else:
        with open(path, "wb") as file: file.write(random.randbytes(random.choice([0, 10, 300_000, 3_000_000])))
`;

/** What is known of files, without the times. */
const untimed = (found: string) => found.replaceAll(/('0o\d+'), \d+,/g, "$1,");

export function trees(runner: Runner): void {
  describe("the trees of a sandbox", () => {
    const look = (sandbox: RunnerSandbox) => sandbox.sh(["python3", "-c", LOOK]);

    for (const seed of [4, 5, 6]) {
      test(`a random tree comes back as it was, in another sandbox and in its own (seed ${seed})`, async () => {
        const [one, two] = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner)]);
        const bucket = new Bucket();
        await one.sh(["python3", "-c", GROW, String(seed)]);
        const before = await look(one);
        const tree = await bucket.save(one);
        assert.equal(await look(one), before, "to save it changes nothing");
        assert.equal((await bucket.restore(two, tree)).status, 204);
        assert.equal(await look(two), before);
        await one.sh("mkdir -p /later; echo later > /later/x; echo more > /workspace/more");
        assert.equal((await bucket.restore(one, tree)).status, 204);
        assert.equal(await look(one), before);
        const again = await bucket.save(two, tree);
        assert.equal(again.summary.newBytes, 0, "what is the same is not sent again");
        await Promise.all([one.delete(), two.delete()]);
      });
    }

    test("a second save of 10,000 files with 10 changes sends what is new", async () => {
      const sandbox = await RunnerSandbox.create(runner, { diskMB: 128 });
      const bucket = new Bucket();
      await sandbox.sh(["python3", "-c", "import os\nfor n in range(10_000): open(f'{n}', 'wb').write(os.urandom(1_000))"]);
      const first = await bucket.save(sandbox);
      assert(first.summary.newBytes >= 10_000_000, String(first.summary.newBytes));
      await sandbox.sh(["python3", "-c", "import os\nfor n in range(10): open(f'{n * 990}', 'wb').write(os.urandom(1_000))"]);
      const second = await bucket.save(sandbox, first);
      assert.equal(second.summary.newBytes, 10_000);
      const other = await RunnerSandbox.create(runner, { diskMB: 128 });
      assert.equal((await bucket.restore(other, second)).status, 204);
      assert.equal(await look(other), await look(sandbox));
      await Promise.all([sandbox.delete(), other.delete()]);
    });

    test("after each loss of the machine the files are those of the last save", async () => {
      let sandbox = await RunnerSandbox.create(runner);
      const bucket = new Bucket();
      let [tree, saved] = [await bucket.save(sandbox), await look(sandbox)];
      for (let step = 0; step < 40; step++) {
        await sandbox.sh(["python3", "-c", CHANGE, String(step)]);
        if (step % 3 !== 2) [tree, saved] = [await bucket.save(sandbox, tree), await look(sandbox)];
        else {
          // What was changed since is lost with the machine.
          await sandbox.delete();
          sandbox = await RunnerSandbox.create(runner);
          assert.equal((await bucket.restore(sandbox, tree)).status, 204);
          assert.equal(await look(sandbox), saved, `step ${step}`);
        }
      }
      await sandbox.delete();
    });

    test("programs stand still while it is saved, and go on afterwards", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      const writer = 'i=0; while true; do i=$((i + 1)); echo $i > new; mv new one; echo $i > new; mv new two; done';
      await sandbox.sh(`head -c 20000000 /dev/urandom > between; (${writer}) >/dev/null 2>&1 & until [ -e two ]; do sleep 0.01; done`);
      const bucket = new Bucket();
      const tree = await bucket.save(sandbox);
      const now = Number(await sandbox.sh("cat two"));
      await sandbox.sh(`until [ "$(cat two)" -gt ${now} ] 2>/dev/null; do sleep 0.01; done`);
      const other = await RunnerSandbox.create(runner);
      assert.equal((await bucket.restore(other, tree)).status, 204);
      const [one, two] = (await other.sh("cat one two")).split("\n").map(Number);
      assert(one !== undefined && two !== undefined && one - two >= 0 && one - two <= 1, `${one} ${two}`);
      await Promise.all([sandbox.delete(), other.delete()]);
    });

    test("a tree that breaks off, or whose chunks are others, changes nothing", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      const bucket = new Bucket();
      await sandbox.sh("echo before > file; head -c 3000000 /dev/urandom > big");
      const tree = await bucket.save(sandbox);
      await sandbox.sh("echo after > file");
      const whole = bucket.body(tree);
      const changed = Buffer.from(whole);
      const at = whole.length - 1_000;
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      const wrong = { nothing: Buffer.alloc(0), "no tree": Buffer.from("no tree ".repeat(1_000)), "without its end": whole.subarray(0, whole.length - 60), "a changed chunk": changed };
      for (const [name, bytes] of Object.entries(wrong)) {
        const response = await sandbox.request("PUT", "/tree", Uint8Array.from(bytes));
        assert.equal(response.status, 422, name);
        assert.equal(((await response.json()) as { code: string }).code, "failed");
      }
      assert.equal(await sandbox.sh("cat file; ls -A; ls -A / | grep docle || true"), "after\nbig\nfile\n");
      assert.equal((await bucket.restore(sandbox, tree)).status, 204);
      assert.equal(await sandbox.sh("cat file"), "before\n");
      await sandbox.delete();
    });

    test("what differs between two trees changes, and what programs write meanwhile stays", async () => {
      const [sandbox, other] = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner)]);
      const bucket = new Bucket();
      await sandbox.sh("mkdir -p old/deep closed w; echo one > old/deep/a; echo one > edited; echo one > mode; echo one > closed/in; chmod 500 closed; ln -s edited link");
      const before = await bucket.save(sandbox);
      assert.equal((await bucket.restore(other, before)).status, 204);
      await other.sh("rm -r old; echo two > edited; chmod 600 mode; chmod 700 closed; echo two > closed/new; chmod 500 closed; ln -sf mode link; mkdir -p new/deep; head -c 3000000 /dev/urandom > new/deep/big; ln new/deep/big new/again");
      const after = await bucket.save(other, before);
      await sandbox.sh("(i=0; while [ ! -e /tmp/stop ]; do i=$((i + 1)); echo $i > w/$i; sleep 0.002; done; touch /tmp/stopped) >/dev/null 2>&1 & until [ -e w/100 ]; do :; done");
      const response = await bucket.patch(sandbox, before, after);
      assert.equal(response.status, 204, await response.text());
      const at = Number(await sandbox.sh("ls w | wc -l"));
      await sandbox.sh(`until [ -e w/${at + 100} ]; do :; done; touch /tmp/stop; until [ -e /tmp/stopped ]; do :; done`);
      assert.equal(await sandbox.sh("test $(ls w | sort -n | tail -1) = $(ls w | wc -l); rm -r w"), "", "no file is missing");
      await other.sh("rm -r w");
      assert.equal(await look(sandbox).then(untimed), await look(other).then(untimed));
      await Promise.all([sandbox.delete(), other.delete()]);
    });

    test("a path that is not as it was saved is refused, and nothing changes", async () => {
      const [sandbox, other] = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner)]);
      const bucket = new Bucket();
      await sandbox.sh("mkdir d; echo one > d/a; echo one > b");
      const before = await bucket.save(sandbox);
      assert.equal((await bucket.restore(other, before)).status, 204);
      await other.sh("rm -r d; echo two > b; echo two > c");
      const after = await bucket.save(other, before);
      for (const [change, back] of [["echo other > b", "echo one > b"], ["echo new > d/new", "rm d/new"], ["echo own > c", "rm c"], ["mv d e; ln -s e d", "rm d; mv e d"]] as const) {
        await sandbox.sh(change);
        const now = await look(sandbox);
        const response = await bucket.patch(sandbox, before, after);
        assert.equal(response.status, 422, change);
        assert.equal(((await response.json()) as { code: string }).code, "changed", change);
        assert.equal(await look(sandbox), now, change);
        await sandbox.sh(back);
      }
      assert.equal((await bucket.patch(sandbox, before, after)).status, 204);
      assert.equal(await sandbox.sh("cat b c; ls"), "two\ntwo\nb\nc\n");
      await Promise.all([sandbox.delete(), other.delete()]);
    });

    test("files that do not fit leave what was there", async () => {
      const [large, small] = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner, { diskMB: 8 })]);
      const bucket = new Bucket();
      await large.sh("head -c 20000000 /dev/urandom > big");
      await small.sh("echo before > file");
      const response = await bucket.restore(small, await bucket.save(large));
      assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [422, "no_space"]);
      assert.equal(await small.sh("cat file; ls -A"), "before\nfile\n");
      await Promise.all([large.delete(), small.delete()]);
    });
  });
}
