//! What one run could leave for the next, or tell another that runs at the same time.

import assert from "node:assert/strict";
import { apart, attempt, leftover, meanwhile, prints, python, type Attack, type Theme } from "../attack.ts";

const directories = ["/workspace", "/tmp", "/dev/shm", "/var/tmp", "/run", "/dev", "/etc", "/usr/local/lib", "/packages", "/dev/mqueue", "/proc/sys/kernel", "/home", "/root", "/"];
/** Leaves a file in every directory where it can. Markers begin with `attack-`. */
const leave = `import os\nfor d in ${JSON.stringify(directories)}:\n  try: os.makedirs(d, exist_ok=True); open(d + '/left-MARKER', 'w').write('x')\n  except OSError: pass`;
const look = `import os\nfor d in ${JSON.stringify(directories)}:\n  try: found = [n for n in os.listdir(d) if 'left-attack-' in n]\n  except OSError: found = []\n  if found: print(d, found)`;

/** A run that reads what an earlier one had in memory. */
const oldMemory: Attack = {
  name: "left behind: the content of memory",
  async act(scene) {
    const secret = `secret-${scene.marker}`;
    await attempt(scene, "python", `x = ['${secret}' * 1000 for _ in range(1000)]`);
    const search = "import mmap\nm = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\nprint(m.find(b'secret-'), any(bytearray(1 << 20)))\nf = open('/tmp/a', 'wb'); f.truncate(1 << 20); print(any(open('/tmp/a', 'rb').read()))";
    assert.equal((await attempt(scene, "python", search)).stdout, "-1 False\nFalse\n");
  },
};

/** Everything in reach whose name or content an attack of this process has left. */
const everywhere: Attack = {
  name: "left behind: anything, anywhere that can be read",
  async act(scene) {
    await attempt(scene, "python", leave);
    const report = await attempt(scene, "python", "import os\nprint([os.path.join(r, n) for r, d, f in os.walk('/') for n in f + d if 'left-attack-' in n and not r.startswith('/proc')])");
    assert.equal(report.stdout, "[]\n");
  },
};

export const leaks: Theme = {
  name: "leaks from run to run",
  attacks: [
    leftover("files in every directory that could be writable", leave, look),
    everywhere,
    oldMemory,
    leftover("POSIX semaphores and shared memory", "from multiprocessing import shared_memory as s, resource_tracker as r\nm = s.SharedMemory('left-', create=True, size=100); r.unregister(m._name, 'shared_memory')", "import os\nif os.listdir('/dev/shm'): print(os.listdir('/dev/shm'))"),
    leftover("an abstract socket", "import os, socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0left'); s.listen()\nif os.fork() == 0:\n  os.setsid()\n  while True: s.accept()", "import socket\ns = socket.socket(socket.AF_UNIX)\ntry: s.connect('\\0left'); print('found')\nexcept OSError: pass"),
    leftover("a port", "import os, socket\ns = socket.create_server(('127.0.0.1', 45678))\nif os.fork() == 0:\n  while True: s.accept()", "import socket\ntry: socket.create_connection(('127.0.0.1', 45678), 1); print('found')\nexcept OSError: pass"),
    leftover("System V objects and queues", "import ctypes\nl = ctypes.CDLL(None)\nl.shmget(4711, 4096, 0o1666); l.msgget(4711, 0o1666); l.semget(4711, 1, 0o1666); l.mq_open(b'/left', 0o102, 0o666, None)", "import ctypes\nl = ctypes.CDLL(None)\nif l.shmget(4711, 0, 0) != -1 or l.msgget(4711, 0) != -1 or l.semget(4711, 0, 0) != -1 or l.mq_open(b'/left', 0) != -1: print('found')"),
    leftover("a key in a keyring", "import ctypes, os\nl = ctypes.CDLL(None)\nl.syscall(248 if os.uname().machine == 'x86_64' else 217, b'user', b'left', b'x', 1, -4)", "import ctypes, os\nl = ctypes.CDLL(None)\nif l.syscall(249 if os.uname().machine == 'x86_64' else 218, b'user', b'left', None, -4) != -1: print('found')"),
    leftover("settings of the kernel", "for n, v in ('hostname', 'left'), ('domainname', 'left'), ('shmmax', '4711'), ('msgmax', '4711'):\n  try: open(f'/proc/sys/kernel/{n}', 'w').write(v)\n  except OSError: pass\ntry: open('/proc/sys/net/ipv4/ip_default_ttl', 'w').write('42')\nexcept OSError: pass", "import os, socket\nif socket.gethostname() == 'left' or open('/proc/sys/kernel/domainname').read().strip() == 'left' or open('/proc/sys/kernel/shmmax').read().strip() == '4711' or open('/proc/sys/net/ipv4/ip_default_ttl').read().strip() == '42': print('found')"),
    leftover("modules, caches and start-up files of Python", "import os\nfor d in '/tmp/.local/lib/python3.11/site-packages', '/workspace', '/tmp', '/packages':\n  for n in 'sitecustomize.py', 'usercustomize.py', 'left.pth', 'random.py':\n    try: os.makedirs(d, exist_ok=True); open(f'{d}/{n}', 'w').write('print(\"found\")')\n    except OSError: pass", "import random, site, sys\nif 'sitecustomize' in sys.modules and 'found' in open(sys.modules['sitecustomize'].__file__).read(): print('found')"),
    leftover("changes to the interpreter's own files", "import os, sys\nfor p in os.__file__, os.__cached__, sys.executable, '/etc/passwd', '/etc/ld.so.cache', '/lib/x86_64-linux-gnu/libc.so.6':\n  for f in (lambda: open(p, 'r+b')), (lambda: os.chmod(p, 0o777)), (lambda: os.unlink(p)), (lambda: os.rename(p, '/tmp/x')), (lambda: os.truncate(p, 0)), (lambda: os.setxattr(p, 'user.left', b'x')), (lambda: os.utime(p)):\n    try: f(); raise SystemExit(f'{p} can be changed')\n    except OSError: pass", "pass"),
    apart(python("times of the devices that every jail shows", "import os\nfor p in '/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom':\n  for f in (lambda: os.utime(p)), (lambda: os.chmod(p, 0o600)), (lambda: os.setxattr(p, 'user.left', b'x')):\n    try: f(); print('changed', p)\n    except OSError: pass\nopen('/dev/null', 'w').write('x'); print(open('/dev/zero', 'rb').read(3), len(open('/dev/urandom', 'rb').read(5)))", prints("b'\\x00\\x00\\x00' 5\n"))),
    leftover("attributes and access lists of the workspace", "import os, struct\nacl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', t, 0, 0xffffffff) for t in (1, 4, 0x20))\nfor d in '/workspace', '/tmp', '/dev/shm':\n  for n, v in ('user.left', b'x'), ('system.posix_acl_default', acl):\n    try: os.setxattr(d, n, v)\n    except OSError: pass", "import os\nfor d in '/workspace', '/tmp', '/dev/shm':\n  if os.listxattr(d): print(d, os.listxattr(d))"),
    leftover("directories in directories", "import os\nfor d in '/workspace', '/tmp':\n  os.chdir(d)\n  try:\n    for _ in range(1500): os.mkdir('d'); os.chdir('d')\n  except OSError: pass", "import os\nif os.path.exists('d') or os.path.exists('/tmp/d'): print('found')"),
    leftover("memory limits and priorities of its own making", "import os, resource\nos.nice(19); resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10)); resource.setrlimit(resource.RLIMIT_NPROC, (1, 1)); os.sched_setaffinity(0, {0}); os.umask(0o777)", "import os, resource\nif os.nice(0) or resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 100 or os.umask(0) == 0o777: print('found')"),
  ],
};

/** Prints what a Python expression is, or `nothing` where it fails. */
const ask = (expression: string) => `import os, socket, fcntl, signal, ctypes\ntry: print(${expression})\nexcept (OSError, ValueError): print('nothing')`;

export const neighbours: Theme = {
  name: "runs at the same time",
  attacks: [
    meanwhile("its processes are out of sight", "import os\nfor _ in range(10):\n  if os.fork() == 0: break", ask("len([p for p in os.listdir('/proc') if p.isdigit()]) <= 2"), "True\n"),
    meanwhile("its processes are out of reach", "", "import os, signal\ndead = 0\nfor p in range(1, 40_000):\n  if p in (1, os.getpid()): continue\n  try: os.kill(p, 0); dead += 1\n  except OSError: pass\nprint(dead)", "0\n"),
    meanwhile("its files are out of sight", "open('/tmp/mine', 'w').write('x'); open('/dev/shm/mine', 'w').write('x'); open('mine', 'w').write('x')", ask("[p for p in ('/tmp/mine', '/dev/shm/mine', '/workspace/mine') if os.path.exists(p)]"), "[]\n"),
    meanwhile("its ports are out of reach", "import socket\ns = socket.create_server(('127.0.0.1', 45679)); t = socket.create_server(('::1', 45679), family=socket.AF_INET6)", ask("socket.create_connection(('127.0.0.1', 45679), 1)"), "nothing\n"),
    meanwhile("its abstract sockets are out of reach", "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0mine'); s.listen()", ask("socket.socket(socket.AF_UNIX).connect('\\0mine')"), "nothing\n"),
    meanwhile("its full pipes leave some to others", "import fcntl, os\nk = []\ntry:\n  while True:\n    r, w = os.pipe(); k.append(w); fcntl.fcntl(w, 1031, 1 << 20)\nexcept OSError: pass", ask("fcntl.fcntl(os.pipe()[1], 1032)"), "65536\n"),
    meanwhile("its processes leave some to others", "import os, signal\ntry:\n  while os.fork(): pass\n  signal.pause()\nexcept OSError: pass", "import os\nn = 0\nfor _ in range(50):\n  if os.fork() == 0: os._exit(0)\n  n += 1\nprint(n)", "50\n", { limits: { memoryMB: 1_024 } }),
    meanwhile("its queued signals leave some to others", "import ctypes, os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\nl = ctypes.CDLL(None)\nwhile l.sigqueue(os.getpid(), 40, 0) == 0: pass", "import ctypes, os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\nl = ctypes.CDLL(None)\nprint(sum(l.sigqueue(os.getpid(), 40, 0) == 0 for _ in range(100)))", "100\n"),
    meanwhile("its full disk leaves room to others", "n = 0\ntry:\n  f = open('/tmp/a', 'wb', 0)\n  while True: f.write(bytes(1 << 20))\nexcept OSError: pass", "print(open('/tmp/a', 'wb', 0).write(bytes(50 << 20)) >> 20)", "50\n"),
    apart(python("what a watch on a common file tells of others", "import ctypes, os, select\nl = ctypes.CDLL(None)\nf = l.inotify_init1(os.O_NONBLOCK)\nprint(l.inotify_add_watch(f, b'/proc/1', 0xfff) == -1)", prints("True\n"))),
  ],
};
