//! Files: each operation, every kind of name, and paths that lead astray.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Runner } from "../../harness/runner.ts";
import { RunnerSandbox, type Content } from "../../harness/sandboxes.ts";

export function files(runner: Runner): void {
  describe("files of a sandbox", () => {
    let sandbox: RunnerSandbox;
    before(async () => {
      sandbox = await RunnerSandbox.create(runner);
    });
    after(() => sandbox.delete());

    /** The code of what was refused, or the type of what was done. */
    const code = async (op: string, fields: Record<string, unknown>) => {
      const done = await sandbox.file(op, fields);
      return done.code ?? done.type;
    };
    const wrote = async (path: string, content: Content) => {
      const response = await sandbox.write(path, content);
      return { status: response.status, ...((await response.json()) as { code?: string }) };
    };
    const text = async (path: string) => (await sandbox.read(path)).text();

    test("what is written is read again, byte by byte", async () => {
      for (const size of [0, 1, 65_536, (1 << 20) + 1, 5_000_000]) {
        const bytes = randomBytes(size);
        const response = await sandbox.write("/workspace/some/new/place", bytes);
        assert.equal(response.status, 200);
        const { entry } = (await response.json()) as { entry: { size: number; mode: number; kind: string; path: string } };
        assert.deepEqual([entry.size, entry.mode, entry.kind, entry.path], [size, 0o644, "file", "/workspace/some/new/place"]);
        const read = await sandbox.read("some/new/place");
        assert.equal(read.headers.get("content-length"), String(size));
        assert(Buffer.from(await read.arrayBuffer()).equals(bytes));
      }
      assert.equal(await sandbox.sh("stat -c %U some/new/place; ls -A some/new"), "user\nplace\n");
    });

    test("a range of a file is read", async () => {
      await sandbox.write("digits", "0123456789");
      const part = async (range: string) => {
        const response = await sandbox.read("digits", { range });
        return [response.status, response.headers.get("content-range"), await response.text()];
      };
      assert.deepEqual(await part("bytes=2-4"), [206, "bytes 2-4/10", "234"]);
      assert.deepEqual(await part("bytes=-3"), [206, "bytes 7-9/10", "789"]);
      assert.deepEqual(await part("bytes=7-"), [206, "bytes 7-9/10", "789"]);
      assert.deepEqual((await part("bytes=10-")).slice(0, 2), [416, "bytes */10"]);
    });

    test("a file is never seen half written", async () => {
      await sandbox.write("whole", "a".repeat(2_000_000));
      const reader = ["import os", "found = set()", "while not os.path.exists('stop'):", "  text = open('whole').read()", "  found.add((len(text), len(set(text))))", "open('seen', 'w').write(str(found))"].join("\n");
      const reading = sandbox.sh(["python3", "-c", reader]);
      // The worker reads pieces while they come.
      const pieces = (letter: string) => ReadableStream.from(Array.from({ length: 20 }, () => new TextEncoder().encode(letter.repeat(100_000))));
      for (const letter of ["b", "c", "d"]) assert.equal((await sandbox.write("whole", pieces(letter))).status, 200);
      await sandbox.sh("touch stop");
      await reading;
      assert.equal(await text("seen"), "{(2000000, 1)}");
    });

    test("a body that breaks off changes nothing and leaves nothing", async () => {
      await sandbox.write("/workspace/broken/file", "before");
      const broken = new ReadableStream({
        async start(controller) {
          controller.enqueue(new Uint8Array(3_000_000));
        },
        pull(controller) {
          controller.error(new Error("broken off"));
        },
      });
      await assert.rejects(sandbox.write("/workspace/broken/file", broken));
      assert.equal(await text("/workspace/broken/file"), "before");
      await sandbox.sh("until [ \"$(ls -A broken)\" = file ]; do sleep 0.01; done");
    });

    test("the mode of a file that is written again stays, and links are followed", async () => {
      await sandbox.sh("echo old > target; chmod 750 target; ln -s target link; ln -s nowhere dangling");
      await sandbox.write("link", "new");
      assert.equal(await sandbox.sh("cat target; stat -c ' %a' target; readlink link"), "new 750\ntarget\n");
      await sandbox.write("dangling", "made");
      assert.equal(await sandbox.sh("cat nowhere"), "made");
    });

    test("directories are made, listed and deleted", async () => {
      assert.equal(await code("mkdir", { path: "a/b/c", recursive: false }), "not_found");
      assert.equal(await code("mkdir", { path: "a/b/c", recursive: true }), "entry");
      assert.equal(await code("mkdir", { path: "a/b/c", recursive: true }), "entry");
      assert.equal(await code("mkdir", { path: "a/b/c", recursive: false }), "already_exists");
      await sandbox.sh("cd a && touch .hidden file && ln -s b link && mkfifo pipe && mkdir .dir && touch .dir/in b/in");
      const list = async (recursive: boolean, includeHidden: boolean, limit = 100) => {
        const { entries = [], more } = await sandbox.file("list", { path: "a", recursive, includeHidden, limit });
        return { names: entries.map((entry) => `${entry.path.replace("/workspace/a/", "")}:${entry.kind}`), more };
      };
      const visible = ["b:directory", "file:file", "link:symlink", "pipe:other"];
      assert.deepEqual(await list(false, false), { names: visible, more: false });
      assert.deepEqual((await list(false, true)).names, [".dir:directory", ".hidden:file", ...visible]);
      assert.deepEqual((await list(true, false)).names, ["b:directory", "b/c:directory", "b/in:file", ...visible.slice(1)]);
      assert.deepEqual(await list(false, false, 2), { names: visible.slice(0, 2), more: true });
      assert.equal((await sandbox.file("stat", { path: "a/link" })).entry?.target, "b");
      assert.equal(await code("list", { path: "a/file", recursive: false, includeHidden: true, limit: 9 }), "not_a_directory");
      assert.equal(await code("delete", { path: "a", recursive: false }), "not_empty");
      assert.equal(await code("delete", { path: "a/link", recursive: false }), "deleted");
      assert.equal(await code("delete", { path: "a", recursive: true }), "deleted");
      assert.equal(await code("delete", { path: "a", recursive: true }), "not_found");
      assert.equal(await code("delete", { path: "/", recursive: true }), "failed");
      assert.equal(await code("delete", { path: "/usr/bin/env", recursive: false }), "permission_denied");
    });

    test("files are moved and copied", async () => {
      await sandbox.sh("mkdir -p m/dir && echo 1 > m/one && echo 2 > m/two && echo 3 > m/dir/three && chmod 700 m/one");
      const both = (op: string, from: string, to: string, overwrite = false) => code(op, { from: `m/${from}`, to: `m/${to}`, overwrite });
      assert.equal(await both("move", "one", "two"), "already_exists");
      assert.equal(await both("copy", "one", "two"), "already_exists");
      assert.equal(await both("move", "missing", "x"), "not_found");
      assert.equal(await both("copy", "one", "copy"), "entry");
      assert.equal(await both("move", "two", "dir"), "entry");
      assert.equal(await both("copy", "one", "dir/two", true), "entry");
      assert.equal(await both("copy", "dir", "dir/again"), "entry");
      assert.equal(await both("move", "dir", "moved"), "entry");
      assert.equal(await code("copy", { from: "m/one", to: "/dev/shm/one", overwrite: false }), "entry");
      assert.equal(await code("move", { from: "m/one", to: "/dev/shm/one", overwrite: true }), "entry");
      assert.equal(await sandbox.sh("cd m && find . -type f | sort | xargs grep -H . && stat -c %a copy"), "./copy:1\n./moved/again/three:3\n./moved/again/two:1\n./moved/three:3\n./moved/two:1\n700\n");
      assert.equal(await sandbox.sh("cat /dev/shm/one"), "1\n");
    });

    test("permission bits are set", async () => {
      await sandbox.sh("touch bits");
      assert.equal((await sandbox.file("chmod", { path: "bits", mode: 0o600 })).entry?.mode, 0o600);
      assert.equal(await code("chmod", { path: "bits", mode: 0o10000 }), "invalid_path");
      assert.equal(await code("chmod", { path: "/usr/bin/env", mode: 0o777 }), "permission_denied");
    });

    test("every name is kept: blanks, quotes, line ends, dashes, and bytes that are no text", async () => {
      const names = ["-rf", "a b", "\"'`$HOME", "line\nend", "tab\t", "~", "é 🎉", "*", "\\"].map((name) => Buffer.from(name));
      names.push(Buffer.from([0xff, 0xfe, 0x41]), Buffer.from("x".repeat(255)));
      for (const name of names) {
        const path = Buffer.concat([Buffer.from("/workspace/names/"), name]);
        assert.equal((await sandbox.write(path, name)).status, 200, name.toString());
        assert.deepEqual(Buffer.from(await (await sandbox.read(path)).arrayBuffer()), name);
      }
      const { entries = [] } = await sandbox.file("list", { path: "names", recursive: false, includeHidden: true, limit: 100 });
      const listed = entries.map(({ path, path64 }) => (path64 ? Buffer.from(path64, "base64") : Buffer.from(path)).subarray("/workspace/names/".length));
      assert.deepEqual(listed, [...names].sort((one, two) => one.compare(two)));
      const [from, to] = [Buffer.from([0x6e, 0xff]), Buffer.from([0xfe, 0x6e])];
      await sandbox.write(from, "bytes");
      const moved = await sandbox.file("move", { from: "", to: "", overwrite: false }, { path: from, to });
      assert.equal(moved.entry?.path64, Buffer.concat([Buffer.from("/workspace/"), to]).toString("base64"));
      assert.equal((await sandbox.file("stat", { path: "" }, { path: to })).entry?.size, 5);
      assert.equal((await sandbox.file("delete", { path: "", recursive: false }, { path: to })).type, "deleted");
    });

    test("what has no content, or no such name, is told apart and never waited for", async () => {
      await sandbox.sh("mkfifo pipe; ln -s loop2 loop1; ln -s loop1 loop2; ln -s /dev/zero zero; mkdir folder; echo x > locked; chmod 0 locked");
      const refused = async (path: string) => ((await (await sandbox.read(path)).json()) as { code: string }).code;
      const expected: Record<string, string> = {
        pipe: "not_a_file",
        zero: "not_a_file",
        "/dev/null": "not_a_file",
        "/proc/self/environ": "permission_denied",
        "/proc/cpuinfo": "not_a_file",
        "/proc/1/root/etc/shadow": "permission_denied",
        "/proc/self/mem": "permission_denied",
        folder: "is_directory",
        missing: "not_found",
        "locked": "permission_denied",
        "locked/below": "not_a_directory",
        loop1: "too_many_links",
        ["n".repeat(5_000)]: "invalid_path",
        ["n".repeat(300)]: "invalid_path",
        "nul\0": "invalid_path",
        "": "invalid_path",
      };
      for (const [path, wanted] of Object.entries(expected)) assert.equal(await refused(path), wanted, path.slice(0, 40));
      for (const [path, wanted] of [["pipe", "not_a_file"], ["folder", "is_directory"], ["/etc/passwd", "permission_denied"], ["/proc/self/mem", "permission_denied"], ["/usr/x", "permission_denied"], ["locked/below", "not_a_directory"]] as const) {
        const { status, code } = await wrote(path, "x");
        assert.equal(status, 422, path);
        assert(code === wanted || path.startsWith("/proc"), `${path}: ${code}`);
      }
      const long = await sandbox.read("n".repeat(5_000));
      assert((await long.text()).length < 400, "a message does not repeat a long path");
    });

    test("no path leads out of the sandbox", async () => {
      await sandbox.sh("ln -s / root; ln -s ../../../../.. up; ln -s /proc/1/root init; ln -s /proc/self/root self");
      for (const path of ["/../../../etc/passwd", "../../../../../../etc/passwd", "root/etc/passwd", "up/etc/passwd", "self/etc/passwd"]) {
        assert.match(await text(path), /^user:x:/m, path);
      }
      assert.equal((await sandbox.read("init/etc/passwd")).status, 422);
      assert.equal((await sandbox.read("/etc/shadow")).status, 422);
    });

    test("a full disk is an error, and what was there stays", async () => {
      await sandbox.write("full/file", "before");
      const big = await wrote("full/file", Buffer.alloc(80 << 20));
      assert.deepEqual([big.status, big.code], [422, "no_space"]);
      assert.equal(await text("full/file"), "before");
      assert.equal(await sandbox.sh("ls -A full"), "file\n");
    });

    test("a worker that a program of the sandbox has ended or stopped is replaced", async () => {
      await sandbox.sh("echo here > here");
      assert.equal(await text("here"), "here\n");
      // A monitor of the command may be among them, and then it ends as well.
      await sandbox.exec("for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p != 1 ] && [ $p != $$ ] && kill -9 $p 2>/dev/null; done; true");
      assert.equal(await text("here"), "here\n");
    });
  });
}
