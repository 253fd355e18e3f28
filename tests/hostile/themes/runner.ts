//! Attacks on what runs the programs: the server, the jailer, the first process of a jail, and their files.

import assert from "node:assert/strict";
import { apart, attempt, ends, meanwhile, node, prints, printsOnly, python, type Attack, type Theme } from "../attack.ts";

/** Tries each Python expression and prints what it got; an error is `refused`. */
const tries = (setup: string, ...expressions: string[]) =>
  `import ctypes, os, resource, signal, socket\nl = ctypes.CDLL(None, use_errno=True)\n${setup}\n${expressions.map((expression) => `try: print(${expression})\nexcept (OSError, ValueError, PermissionError): print('refused')`).join("\n")}`;
const refused = (count: number) => prints("refused\n".repeat(count));
const x86 = "x = os.uname().machine == 'x86_64'";
/** A system call by its two numbers; an error becomes an exception. */
const call = "def call(a, b, *r):\n  if l.syscall(a if x else b, *r) == -1: raise OSError(ctypes.get_errno())\n  return 'done'";

/** The program knows where the runner listens and cannot get there. */
const port: Attack = {
  name: "python: the runner's port",
  async act(scene) {
    const number = new URL(scene.runner.url).port;
    const hosts = ["127.0.0.1", "localhost", "0.0.0.0", "::1", "::ffff:127.0.0.1", "192.0.2.2", "172.17.0.1", "169.254.169.254"];
    const code = `import socket\nfor h in ${JSON.stringify(hosts)}:\n  try: socket.create_connection((h, ${number}), 1); print('connected')\n  except OSError: print('refused')`;
    const expected = "refused\n".repeat(hosts.length);
    assert.equal((await attempt(scene, "python", code)).stdout, expected);
    assert.equal((await attempt(scene, "python", code, { network: { mode: "public" } })).stdout, expected);
  },
};

/** Neither the secret nor the state directory nor a variable of the server's is anywhere that the program can look. */
const secrets: Attack = {
  name: "python: the runner's secrets",
  async act(scene) {
    const code = "import os, re\nfor p in ['/proc/self/' + n for n in ('environ', 'cmdline', 'status', 'stat', 'maps', 'cgroup', 'auxv', 'limits', 'net/unix', 'net/tcp')] + ['/proc/' + n for n in os.listdir('/proc') if not n.isdigit() and os.path.isfile('/proc/' + n) and n not in ('kmsg', 'kcore', 'kpagecount', 'kpageflags', 'kpagecgroup')]:\n  try: print(open(p, errors='replace').read(200_000))\n  except OSError: pass\nprint(os.environ)\nwith open('/proc/self/mem', 'rb', 0) as m:\n  for line in open('/proc/self/maps'):\n    a, b, mode = re.match(r'(\\w+)-(\\w+) (\\S+)', line).groups()\n    if 'r' not in mode or int(b, 16) - int(a, 16) > 1 << 25: continue\n    try: m.seek(int(a, 16)); d = m.read(int(b, 16) - int(a, 16)); print(*re.findall(rb'DOCLE\\w*|Bearer \\w+|[0-9a-f]{32}', d))\n    except (OSError, ValueError, OverflowError): pass";
    const { stdout, stderr } = await attempt(scene, "python", code, { limits: { maxOutputBytes: 10_485_760 } });
    assert.ok(stdout.length > 1_000, stderr);
    for (const secret of [scene.runner.secret, scene.runner.state, "DOCLE_RUNNER", "Bearer"]) assert.ok(!stdout.replace("rb'DOCLE", "").replaceAll("Bearer \\w", "").includes(secret), secret);
  },
};

/** Paths of the host tell who runs the service and where; a program needs none of them. */
const hostPaths: Attack = {
  name: "python: where the host keeps things",
  async act(scene) {
    const { stdout } = await attempt(scene, "python", "print(open('/proc/self/mountinfo').read())");
    assert.ok(!stdout.includes(scene.runner.state), stdout);
  },
};

/** A thousand files, each in a directory far down: writing them costs the runner little, and it is root while it writes. */
const deep: Attack = {
  name: "python: a thousand files five hundred levels down",
  async act(scene) {
    const files = Array.from({ length: 998 }, (_, number) => ({ path: `${"a/".repeat(500)}f${number}`, content: "x" }));
    const began = performance.now();
    const { stdout } = await attempt(scene, "python", "import os\nprint(sum(len(f) for _, _, f in os.walk('a')))", { files });
    assert.equal(stdout, "998\n");
    assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`);
  },
};

export const runner: Theme = {
  name: "attacks on the runner",
  attacks: [
    port,
    secrets,
    hostPaths,
    deep,
    python("signals for the first process", "import os, signal\nfor s in signal.SIGTERM, signal.SIGINT, signal.SIGSTOP, signal.SIGKILL, signal.SIGSEGV, signal.SIGCHLD, signal.SIGHUP, 40:\n  try: os.kill(1, s)\n  except OSError: pass\nprint('on')", prints("on\n")),
    python("signals for everybody", "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntry: os.kill(-1, signal.SIGTERM)\nexcept OSError: pass\nprint('on')", prints("on\n")),
    python("a trace of the first process", tries(`${x86}\n${call}`, "call(101, 117, 16, 1, 0, 0)", "call(101, 117, 0x4206, 1, 0, 0)", "call(438, 438, os.pidfd_open(1), 0, 0)", "call(310, 270, 1, 0, 0, 0, 0, 0)"), printsOnly(/^refused$/)),
    apart(python("the files of the first process", tries("", ...["environ", "cmdline", "maps", "mem", "root", "cwd", "exe", "fd", "ns/mnt", "task", "status"].map((name) => `os.listdir('/proc/1/${name}') if os.path.isdir('/proc/1/${name}') else open('/proc/1/${name}').read()`)), refused(11))),
    python("the memory killer turned on the first process", tries("", "open('/proc/1/oom_score_adj', 'w').write('1000')"), refused(1)),
    python("limits for the first process", tries("", ...["NOFILE", "NPROC", "AS", "FSIZE", "CPU"].map((name) => `resource.prlimit(1, resource.RLIMIT_${name}, (0, 0))`)), refused(5)),
    python("priorities for the first process", tries("", "os.sched_setaffinity(1, {0})", "os.setpriority(os.PRIO_PROCESS, 1, 19)", "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))"), refused(3)),
    ...[0, 3].map((most) => python(`blinding the watch with ${most} descriptors, then taking memory`, `import resource\ntry: resource.prlimit(1, resource.RLIMIT_NOFILE, (${most}, ${most}))\nexcept OSError: pass\nm = bytearray(500 << 20)\nfor i in range(0, len(m), 4096): m[i] = 1\nprint('got it')`, ends("memory"), { limits: { memoryMB: 128 } })),
    python("descriptors that were left open", "import os\nprint(sorted(int(f) for f in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + f)))\nfor f in range(3, 1024):\n  try: os.fstat(f); print('open', f)\n  except OSError: pass", printsOnly(/^\[0, 1, 2\]$/)),
    python("a working directory that leads out", tries("", "os.stat('/proc/self/cwd/../../../../../proc/1/environ') and open('/proc/self/cwd/../../../../../proc/1/environ').read()", "[os.readlink(f'/proc/self/fd/{i}') for i in range(3, 30)]", "os.chdir('/proc/self/fd/7')"), refused(3)),
    python("the program file of the runner", "import os, sys\nfor p in '/proc/self/exe', '/proc/thread-self/exe', sys.executable:\n  for f in (lambda: open(p, 'r+b')), (lambda: open(p, 'wb')), (lambda: os.open(p, os.O_WRONLY | os.O_TRUNC)):\n    try: f(); print('opened')\n    except OSError: print('refused')", prints("refused\n".repeat(9))),
    python("files that the kernel runs", tries("", ...["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/proc/sys/vm/drop_caches", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/randomize_va_space"].map((path) => `open('${path}', 'w').write('1')`)), refused(9)),
    python("settings of its own namespaces", tries("", ...["kernel/pid_max", "kernel/shmmax", "kernel/msgmax", "kernel/domainname", "net/ipv4/ip_forward", "net/ipv4/tcp_rmem", "user/max_user_namespaces"].map((path) => `os.open('/proc/sys/${path}', os.O_WRONLY)`)), refused(7)),
    apart(python("control groups", tries("", "os.listdir('/sys/fs/cgroup')", "[l for l in open('/proc/self/cgroup') if not l.rstrip().endswith(':/')] or open('/sys/fs/cgroup/cgroup.procs')", "os.mkdir('/sys/fs/cgroup/x')"), refused(3))),
    apart(python("devices of the machine", tries("", ...["/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/tty", "/dev/fuse", "/dev/kvm", "/dev/vsock", "/dev/net/tun", "/dev/loop0", "/dev/console"].map((path) => `open('${path}', 'rb')`)), refused(11))),
    python("devices of its own making", tries("", "os.mknod('/tmp/m', 0o20666, os.makedev(1, 1))", "os.mknod('/tmp/d', 0o60666, os.makedev(254, 0))", "os.mknod('/dev/x', 0o20666, os.makedev(1, 3))"), refused(3)),
    python("/dev replaced", tries("", "os.unlink('/dev/null')", "os.symlink('/proc/sys/kernel/core_pattern', '/dev/shm/null') or os.rename('/dev/shm/null', '/dev/null')", "os.rename('/dev', '/tmp/dev')", "os.mkdir('/dev/pts')", "os.chmod('/dev/null', 0)"), refused(5)),
    python("programs that change the user", "import subprocess\nfor c in ['su', '-c', 'id'], ['sudo', '-n', 'id'], ['mount', '-t', 'tmpfs', 'x', '/tmp'], ['newgrp'], ['passwd', '-d', 'root'], ['unshare', '-Ur', 'true'], ['nsenter', '-t', '1', '-a', 'true']:\n  try: print('did' if subprocess.run(c, stdin=-3, capture_output=True).returncode == 0 else 'refused')\n  except OSError: print('refused')", prints("refused\n".repeat(7))),
    python("another user", tries("", "os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", "os.setresuid(0, 0, 0)", "os.setuid(1000)", "os.chown('main.py', 0, 0)"), refused(6)),
    python("capabilities", "s = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)\nprint(*[int(s[k], 16) for k in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')], s['NoNewPrivs'], s['Seccomp'])", prints("0 0 0 0 1 2\n")),
    python("a file that keeps its owner's rights", "import os, shutil, subprocess\nshutil.copy('/usr/bin/id', '/tmp/id'); os.chmod('/tmp/id', 0o6777)\nprint(int(subprocess.check_output(['/tmp/id', '-u'])) == os.getuid() != 0)", prints("True\n")),
    python("a core that goes to a program of the host", "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE))\nimport os; os.abort()", ends("killed")),
    apart(python("the waiting script's pipe", "import os, stat\nprint(stat.S_ISREG(os.stat('main.py').st_mode), os.path.exists('/run/script'), os.listdir('/run'))\nos.unlink('main.py'); os.mkfifo('main.py')", prints("True False []\n"))),
    meanwhile("an exit that pulls the rug away", "import os, signal\nif os.fork() == 0:\n  signal.pause()", "print('on')", "on\n"),
    node("process.kill of everything", "for (const p of [1, -1, 0]) { try { process.on('SIGTERM', () => {}); process.kill(p, 'SIGTERM') } catch {} } console.log('on')", prints("on\n")),
    node("bindings of the interpreter", "const tried = []; for (const f of [() => process.binding('spawn_sync'), () => process.dlopen({ exports: {} }, '/lib/nothing.so'), () => require('fs').readFileSync('/proc/1/environ')]) { try { f(); tried.push('did') } catch { tried.push('refused') } } console.log(tried.at(-1))", prints("refused\n")),
  ],
};
