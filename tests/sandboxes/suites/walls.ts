//! What a sandbox cannot do: reach another one, a run or the runner, take what is theirs, or outlive its end.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { job, run } from "../../harness/jobs.ts";
import { processesWith, type Runner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";
import { until } from "../../harness/until.ts";

const marker = () => `marker-${randomBytes(6).toString("hex")}`;

/** Programs that take whatever they get. Each may end its sandbox, and nothing else. */
const GREEDY: Record<string, string> = {
  "a fork bomb": "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
  "a fork bomb of daemons": "import os\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: pass",
  "one that holds all memory": "a = []\nwhile True: a.append(bytearray(1 << 20))",
  "many that hold all memory": "import os\nfor _ in range(20):\n  if os.fork() == 0: break\na = []\nwhile True: a.append(bytearray(1 << 20))",
  "one that fills the disk": "import os\nf = open('fill', 'wb')\ntry:\n  while True: f.write(bytes(1 << 20)); f.flush()\nexcept OSError: pass\nwhile True:\n  try: open('/tmp/%d' % __import__('random').randrange(10**9), 'w').close()\n  except OSError: pass",
  "one that opens all that it may": "import os\nwhile True:\n  try: os.pipe()\n  except OSError: pass",
  "one that writes without end": "import os\nwhile True: os.write(1, b'x' * 65536)",
};

export function walls(runner: Runner): void {
  describe("the walls of a sandbox", () => {
    for (const [name, program] of Object.entries(GREEDY)) {
      test(`${name} takes nothing of other sandboxes and runs, and ends with its time`, async () => {
        const [greedy, honest] = await Promise.all([RunnerSandbox.create(runner, { memoryMB: 96, diskMB: 32 }), RunnerSandbox.create(runner)]);
        const mine = marker();
        const attack = greedy.exec(["python3", "-c", program, mine], { timeoutMs: 3_000 });
        let attacking = true;
        const attacked = attack.finally(() => (attacking = false));
        attacked.catch(() => undefined);
        let rounds = 0;
        while (attacking) {
          assert.equal(await honest.sh("echo honest; cat /workspace/x 2>/dev/null || true"), "honest\n");
          const { stdout } = await run(runner, job("python", "print(6 * 7)", { limits: { timeoutMs: 20_000 } }));
          assert.equal(stdout, "42\n");
          rounds++;
        }
        const done = await attacked;
        assert(["timeout", "memory", "exited"].includes(done.end), JSON.stringify({ ...done, out: "", err: "" }));
        assert(done.durationMs < 10_000, `${done.durationMs}`);
        assert(rounds > 0);
        await until("nothing of it is left", () => processesWith(mine).length === 0);
        await greedy.delete();
        await honest.delete();
      });
    }

    test("one greedy command leaves the others of its sandbox room to go on", async () => {
      const sandbox = await RunnerSandbox.create(runner, { memoryMB: 128, diskMB: 32 });
      const greedy = sandbox.exec(["python3", "-c", GREEDY["one that opens all that it may"] ?? ""], { timeoutMs: 1_500 });
      assert.equal(await sandbox.sh("echo on"), "on\n");
      assert.equal((await greedy).end, "timeout");
      const hog = await sandbox.exec(["python3", "-c", GREEDY["one that holds all memory"] ?? ""], { timeoutMs: 10_000 });
      assert.equal(hog.end, "memory");
      assert.equal(await sandbox.sh("echo on"), "on\n");
      await sandbox.delete();
    });

    test("a sandbox neither sees, signals, reads nor reaches another one, a run or the runner", async () => {
      const [one, two] = await Promise.all([RunnerSandbox.create(runner), RunnerSandbox.create(runner, { network: { mode: "public" } })]);
      const theirs = marker();
      await one.sh(`echo ${theirs} > /workspace/secret; cp /workspace/secret /tmp /dev/shm; bash -c 'exec -a ${theirs} sleep 1000' >/dev/null 2>&1 & (python3 -m http.server 8000 >/dev/null 2>&1 &)`);
      await one.sh("until (echo > /dev/tcp/127.0.0.1/8000) 2>/dev/null; do sleep 0.01; done");
      const port = new URL(runner.url).port;
      const look = [
        "import os, socket, subprocess, sys",
        `marker = ${JSON.stringify(theirs.slice(1))}`,
        "found = []",
        "for pid in filter(str.isdigit, os.listdir('/proc')):",
        "  try: found += ['process'] if marker in open(f'/proc/{pid}/cmdline').read() and int(pid) != os.getpid() else []",
        "  except OSError: pass",
        "for top, _, names in os.walk('/'):",
        "  if top.startswith(('/usr', '/proc', '/runtime', '/dev/pts')) or top == '/dev': continue",
        "  for name in names:",
        "    try: found += [name] if marker in open(os.path.join(top, name), errors='replace').read(100) else []",
        "    except OSError: pass",
        "try: os.kill(-1, 0)",
        "except OSError: pass",
        `for target in (8000, ${port}):`,
        "  try: socket.create_connection(('127.0.0.1', target), 1); found.append(target)",
        "  except OSError: pass",
        `request = f'CONNECT 127.0.0.1:${port} HTTP/1.1\\r\\n\\r\\n'.encode()`,
        "proxy = socket.create_connection(('127.0.0.1', 3128), 5); proxy.send(request)",
        "found += [] if b' 403 ' in proxy.recv(100) else ['proxy']",
        "for path in ('/proc/1/environ', '/proc/1/root/etc/passwd', '/proc/1/mem', '/proc/1/fd/0'):",
        "  try: open(path).read(1); found.append(path)",
        "  except OSError: pass",
        "found += ['secret'] if 'DOCLE' in str(os.environ) or 'Bearer' in str(os.environ) else []",
        "print(found)",
      ].join("\n");
      assert.equal(await two.sh(["python3", "-c", look]), "[]\n");
      // Ends everything that it may end, itself last.
      await two.exec(["python3", "-c", "import os, signal\nos.kill(-1, signal.SIGKILL)"]);
      assert.equal(await two.sh("echo on"), "on\n", "init goes on");
      assert.equal(processesWith(theirs).length, 1);
      const seen = await run(runner, job("python", `import os\nprint([p for p in os.listdir('/proc') if p.isdigit() and ${JSON.stringify(theirs.slice(1))} in open(f'/proc/{p}/cmdline').read() and int(p) != os.getpid()], os.listdir('/workspace'), os.listdir('/tmp'))`));
      assert.equal(seen.stdout, "[] ['main.py'] []\n");
      await Promise.all([one.delete(), two.delete()]);
    });

    test("commands of one sandbox see each other, but not each other's memory, environment and descriptors", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      const landlock = (await runner.health()).properties["file rules"] === "Landlock";
      const theirs = marker();
      await sandbox.sh(`bash -c 'exec -a ${theirs} sleep 1000' >/dev/null 2>&1 &`, { env: { PASSWORD: "hidden" } });
      const look = `for p in /proc/[0-9]*; do grep -q '[m]${theirs.slice(1)}' $p/cmdline && { ps -o pid= -p \${p#/proc/} >/dev/null && echo seen; cat $p/environ $p/mem 2>&1 | grep -c hidden; readlink $p/fd/* 2>/dev/null | wc -l; }; done`;
      assert.equal((await sandbox.exec(look)).out.toString(), landlock ? "seen\n0\n0\n" : "seen\n");
      await sandbox.delete();
    });

    test("a command has no capability, no way to a new one, and no namespace of its own making", async () => {
      const sandbox = await RunnerSandbox.create(runner);
      const status = await sandbox.sh("grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t ' ' '");
      assert.match(status, /CapPrm: 0+\nCapEff: 0+\n/);
      assert.match(status, /NoNewPrivs: 1\nSeccomp: 2\n/);
      for (const command of ["unshare -U true", "mount -t tmpfs none /mnt/data", "chroot / true", "mknod /workspace/null c 1 3", "su root -c true"]) {
        assert.notEqual((await sandbox.exec(command)).exitCode, 0, command);
      }
      await sandbox.sh("cp /usr/bin/id /workspace/id; chmod u+s /workspace/id");
      assert.match(await sandbox.sh("/workspace/id -un"), /^user\n$/);
      await sandbox.delete();
    });
  });
}
