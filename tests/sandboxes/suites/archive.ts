//! The archive of a sandbox: everything that is saved comes back as it was, and nothing else is touched.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Runner } from "../../harness/runner.ts";
import { RunnerSandbox, type Content } from "../../harness/sandboxes.ts";

/** A random tree: the seed decides about every name, kind, mode, time and byte of it. */
export const GROW = `
import os, random, sys
random.seed(int(sys.argv[1]))
names = ["a", "b c", "-x", "line\\nend", "\\xff".encode("latin-1"), "é", ".hidden", "n" * 200]
def name(): return os.fsencode(random.choice(names)) + str(random.randrange(50)).encode()
files, made = [], []
def grow(directory, depth):
    for _ in range(random.randrange(2, 7)):
        path = os.path.join(directory, name())
        if os.path.lexists(path): continue
        kind = random.randrange(8)
        if kind < 2 and depth < 5:
            os.mkdir(path)
            grow(path, depth + 1)
        elif kind == 2:
            os.symlink(random.choice([b"a", b"../..", b"/etc/passwd", b"./x//y/", b"t" * 300]), path)
            os.utime(path, ns=(0, random.randrange(10**18)), follow_symlinks=False)
            continue
        elif kind == 3 and files:
            os.link(random.choice(files), path, follow_symlinks=False)
            continue
        elif kind == 4:
            os.mkfifo(path)
        else:
            with open(path, "wb") as file:
                file.write(random.randbytes(random.choice([0, 1, 511, 512, 513, 100_000])))
                if random.randrange(4) == 0: file.truncate(1_000_000)
            files.append(path)
        made.append(path)
for top in [b"/workspace", b"/home/user", b"/app", b"/mnt/data", b"/own"]:
    os.makedirs(top, exist_ok=True)
    grow(top, 0)
for path in made:
    os.utime(path, ns=(0, random.randrange(10**18)))
    os.chmod(path, random.choice([0o644, 0o600, 0o755, 0o000, 0o400, 0o500, 0o4755, 0o1777]))
`;
/** Everything about all files that are saved. */
export const LOOK = `
import hashlib, os, stat
def look(path):
    found = os.lstat(path)
    kind = stat.S_IFMT(found.st_mode)
    said = [path, oct(found.st_mode), found.st_mtime_ns, found.st_nlink if kind != stat.S_IFDIR else 0]
    if kind == stat.S_IFLNK: said.append(os.readlink(path))
    if kind in (stat.S_IFDIR, stat.S_IFREG): os.chmod(path, 0o700)
    if kind == stat.S_IFREG: said += [found.st_size, hashlib.sha256(open(path, "rb").read()).hexdigest()]
    print(said)
    if kind == stat.S_IFDIR:
        for name in sorted(os.listdir(path)): look(os.path.join(path, name))
    if kind in (stat.S_IFDIR, stat.S_IFREG): os.chmod(path, stat.S_IMODE(found.st_mode))
for top in sorted(os.listdir(b"/")):
    if top in (b"workspace", b"app", b"opt", b"own"): look(b"/" + top)
look(b"/home/user")
look(b"/mnt/data")
`;

export function archive(runner: Runner): void {
  describe("the archive of a sandbox", () => {
    const look = (sandbox: RunnerSandbox) => sandbox.sh(["python3", "-c", LOOK]);
    const read = async (sandbox: RunnerSandbox) => {
      const response = await sandbox.request("GET", "/archive");
      assert.equal(response.status, 200);
      return Buffer.from(await response.arrayBuffer());
    };
    const put = (sandbox: RunnerSandbox, bytes: Content) => sandbox.request("PUT", "/archive", bytes, { duplex: "half" });

    for (const seed of [1, 2, 3]) {
      test(`a random tree comes back as it was, in another sandbox and in its own (seed ${seed})`, async () => {
        const [one, two] = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner)]);
        await one.sh(["python3", "-c", GROW, String(seed)]);
        const before = await look(one);
        const packed = await read(one);
        assert.equal(await look(one), before, "to read it changes nothing");
        assert.equal((await put(two, packed)).status, 204);
        assert.equal(await look(two), before);
        await one.sh("mkdir /workspace/more /later; echo more > /workspace/more/x; echo later > /later/x; chmod 0 /workspace/more");
        assert.equal((await put(one, packed)).status, 204);
        assert.equal(await look(one), before);
        assert.equal(await one.sh("ls -d /later || true"), "");
        assert(packed.equals(await read(two)), "the same files make the same archive");
        await Promise.all([one.delete(), two.delete()]);
      });
    }

    test("what is only temporary is not saved, and stays when files are replaced", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      await sandbox.sh("mkdir -p ~/.cache/pip; for d in /tmp /var/tmp /run /dev/shm ~/.cache/pip; do echo temporary-text > $d/temporary; done; echo kept > kept");
      const packed = await read(sandbox);
      assert(packed.includes("kept") && !packed.includes("temporary"));
      assert.equal((await put(sandbox, packed)).status, 204);
      assert.equal(await sandbox.sh("cat /tmp/temporary"), "temporary-text\n");
      await sandbox.delete();
    });

    test("programs stand still while it is read, and go on afterwards", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      // Two files that are always the same number, but for the moment between two writes.
      const writer = 'i=0; while true; do i=$((i + 1)); echo $i > new; mv new one; echo $i > new; mv new two; done';
      await sandbox.sh(`head -c 20000000 /dev/urandom > between; (${writer}) >/dev/null 2>&1 & until [ -e two ]; do sleep 0.01; done`);
      const packed = await read(sandbox);
      const [one, two] = ["one", "two"].map((name) => {
        const at = packed.indexOf(`workspace/${name}\0`);
        return Number(packed.subarray(at + 512, at + 530).toString().split("\n")[0]);
      });
      assert(one !== undefined && two !== undefined && one - two >= 0 && one - two <= 1, `${one} ${two}`);
      const now = Number(await sandbox.sh("cat two"));
      await sandbox.sh(`until [ "$(cat two)" -gt ${now} ] 2>/dev/null; do sleep 0.01; done`);
      await sandbox.delete();
    });

    test("programs go on when the reader has gone", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      await sandbox.sh("head -c 30000000 /dev/urandom > big");
      const response = await sandbox.request("GET", "/archive");
      await response.body?.cancel();
      assert.equal(await sandbox.sh("echo on"), "on\n");
      await sandbox.delete();
    });

    test("an archive that breaks off or is none changes nothing", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      await sandbox.sh("echo before > file; head -c 3000000 /dev/urandom > big");
      const packed = await read(sandbox);
      await sandbox.sh("echo after > file");
      for (const bytes of ["", "no archive ".repeat(1_000), packed.subarray(0, packed.length - 2_000_000)]) {
        const response = await put(sandbox, bytes);
        assert.equal(response.status, 422);
        assert.equal(((await response.json()) as { code: string }).code, "failed");
      }
      const broken = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(packed.subarray(0, 1_000_000))),
        pull: (controller) => controller.error(new Error("broken off")),
      });
      await assert.rejects(put(sandbox, broken));
      assert.equal(await sandbox.sh("cat file; ls -A; ls -A / | grep docle || true"), "after\nbig\nfile\n");
      await sandbox.delete();
    });

    test("files that do not fit leave what was there", async () => {
      const [large, small] = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner, { diskMB: 8 })]);
      await large.sh("head -c 20000000 /dev/urandom > big");
      await small.sh("echo before > file");
      const { diskBytes } = await small.state();
      const response = await put(small, await read(large));
      assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [422, "no_space"]);
      assert.equal(await small.sh("cat file; ls -A"), "before\nfile\n");
      assert.equal((await small.state()).diskBytes, diskBytes);
      await Promise.all([large.delete(), small.delete()]);
    });
  });
}
