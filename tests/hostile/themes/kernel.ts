//! The surface of the kernel: system calls that no program needs, and those that need a closer look.

import assert from "node:assert/strict";
import { ends, prints, python, type Attack, type Theme } from "../attack.ts";

/** A system call: its name, its number on x86-64 and on arm64 (−1 where there is none), its arguments in Python. */
type Call = [name: string, x86: number, arm: number, arguments?: string];

/** Calls each, and asserts that every one is refused as forbidden or unknown. */
const forbidden = (name: string, calls: Call[]): Attack => {
  const table = calls.map(([call, x86, arm, values = "0, 0, 0, 0"]) => `('${call}', ${x86}, ${arm}, (${values},))`).join(", ");
  const code = `import ctypes, errno, os, socket\nl = ctypes.CDLL(None, use_errno=True)\nx = os.uname().machine == 'x86_64'\nb = ctypes.create_string_buffer(4096)\nfor name, m, n, a in [${table}]:\n  number = m if x else n\n  if number == -1: continue\n  ctypes.set_errno(0)\n  r = l.syscall(number, *[ctypes.c_long(v) if isinstance(v, int) else v for v in a])\n  e = errno.errorcode.get(ctypes.get_errno(), 'done')\n  if r != -1 or e not in ('EPERM', 'ENOSYS'): print(name, r, e)\nprint('all')`;
  return python(name, code, prints("all\n"));
};

const MACHINE_CODE = "import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex(CODE))\nf = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nprint(f())";
const onX86 = (code: string) => `import os\nif os.uname().machine != 'x86_64': print('skipped'); raise SystemExit\n${MACHINE_CODE.replace("CODE", `'${code}'`)}`;

const refuse = (...expressions: string[]) => `import ctypes, os, socket\n${expressions.map((expression) => `try: ${expression}; print('did')\nexcept OSError: print('refused')`).join("\n")}`;

export const kernel: Theme = {
  name: "kernel surface",
  attacks: [
    forbidden("namespaces", [["unshare", 272, 97, "0x10000000"], ["unshare net", 272, 97, "0x40000000"], ["setns", 308, 268, "0, 0"], ["clone user", 56, 220, "0x10000011, 0, 0, 0, 0"], ["clone mnt", 56, 220, "0x00020011, 0, 0, 0, 0"], ["clone pid", 56, 220, "0x20000011, 0, 0, 0, 0"], ["clone net", 56, 220, "0x40000011, 0, 0, 0, 0"], ["clone cgroup", 56, 220, "0x02000011, 0, 0, 0, 0"], ["clone3", 435, 435, "b, 88"]]),
    forbidden("mounts", [["mount", 165, 40, "b'x', b'/tmp', b'tmpfs', 0, 0"], ["remount", 165, 40, "b'x', b'/usr', b'', 32, 0"], ["umount2", 166, 39, "b'/tmp', 2"], ["pivot_root", 155, 41, "b'/tmp', b'/tmp'"], ["chroot", 161, 51, "b'/tmp'"], ["fsopen", 430, 430, "b'tmpfs', 0"], ["fsmount", 432, 432], ["fspick", 433, 433, "-100, b'/', 0"], ["open_tree", 428, 428, "-100, b'/', 1"], ["move_mount", 429, 429, "-100, b'/tmp', -100, b'/tmp', 0"], ["mount_setattr", 442, 442, "-100, b'/', 0, b, 32"], ["swapon", 167, 224, "b'/tmp/a', 0"], ["swapoff", 168, 225, "b'/tmp/a'"], ["quotactl", 179, 60]]),
    forbidden("memory of other processes", [["ptrace attach", 101, 117, "16, 1, 0, 0"], ["ptrace me", 101, 117, "0, 0, 0, 0"], ["process_vm_readv", 310, 270, "1, 0, 0, 0, 0, 0"], ["process_vm_writev", 311, 271, "1, 0, 0, 0, 0, 0"], ["pidfd_getfd", 438, 438, "0, 0, 0"], ["kcmp", 312, 272, "1, 1, 0, 0, 0"], ["process_madvise", 440, 440, "0, 0, 0, 4, 0"], ["process_mrelease", 448, 448, "0, 0"], ["move_pages", 279, 239, "1, 0, 0, 0, 0, 0"], ["migrate_pages", 256, 238, "1, 0, 0, 0"]]),
    forbidden("code for the kernel", [["bpf", 321, 280, "0, b, 128"], ["init_module", 175, 105, "b, 1, b''"], ["finit_module", 313, 273, "0, b'', 0"], ["delete_module", 176, 106, "b'x', 0"], ["kexec_load", 246, 104], ["kexec_file_load", 320, 294, "0, 0, 0, 0, 0"], ["perf_event_open", 298, 241, "b, 0, -1, -1, 0"], ["userfaultfd", 323, 282, "1"], ["io_uring_setup", 425, 425, "8, b"], ["io_uring_enter", 426, 426, "0, 0, 0, 0, 0, 0"], ["io_uring_register", 427, 427], ["io_setup", 206, 0, "8, b"], ["memfd_secret", 447, 447, "0"]]),
    forbidden("keys", [["add_key", 248, 217, "b'user', b'a', b'b', 1, -3"], ["request_key", 249, 218, "b'user', b'a', b'', -3"], ["keyctl", 250, 219, "0, -3, 1, 0, 0"]]),
    forbidden("objects that belong to no file system", [["shmget", 29, 194, "0, 4096, 0o1666"], ["semget", 64, 190, "0, 1, 0o1666"], ["msgget", 68, 186, "0, 0o1666"], ["mq_open", 240, 180, "b'a', 66, 0o666, 0"]]),
    forbidden("clocks and names of the machine", [["clock_settime", 227, 112, "0, b"], ["settimeofday", 164, 170, "b, 0"], ["adjtimex", 159, 171, "b"], ["clock_adjtime", 305, 266, "0, b"], ["sethostname", 170, 161, "b'x', 1"], ["setdomainname", 171, 162, "b'x', 1"], ["reboot", 169, 142, "0, 0, 0, 0"], ["acct", 163, 89, "b'/tmp/a'"], ["syslog", 103, 116, "3, b, 4096"], ["vhangup", 153, 58]]),
    forbidden("ways around paths", [["open_by_handle_at", 304, 265, "-100, b, 0"], ["fanotify_init", 300, 262, "0, 0"], ["lookup_dcookie", 212, 18, "0, b, 4096"], ["uselib", 134, -1, "b'/lib/x'"]]),
    forbidden("ports and segments of old processors", [["iopl", 172, -1, "3"], ["ioperm", 173, -1, "0, 8, 1"], ["modify_ldt", 154, -1, "0, b, 64"], ["personality", 135, 92, "0x0400000"]]),
    forbidden("what would slow everybody's disk down", [["sync", 162, 81], ["readahead", 187, 213, "0, 0, 4096"]]),
    forbidden("programs of its own for the kernel", [["seccomp", 317, 277, "1, 0, b"], ["prctl", 157, 167, "22, 2, b"], ["landlock", 444, 444, "b, 8, 0"], ...[26, 50, 51, 52].map((option): Call => [`setsockopt ${option}`, 54, 208, `socket.socket(1).fileno(), 1, ${option}, b, 16`])]),
    forbidden("what no program here needs", [["vmsplice", 278, 75, "1, b, 1, 0"], ["mbind", 237, 235, "0, 0, 0, 0"], ["set_mempolicy", 238, 237], ["remap_file_pages", 216, 234], ["sched_setattr", 314, 274, "0, b, 0"], ["openat2", 437, 437, "-100, b'/', b, 24"]]),
    forbidden("watches on files that all runs share", [["inotify_init1", 294, 26, "0"], ["inotify_add_watch", 254, 27, "0, b'/usr', 1"]]),
    forbidden("pairs of sockets of other families", [2, 10, 16, 17, 30, 38, 40, 44].map((family): Call => [`socketpair ${family}`, 53, 199, `${family}, 1, 0, b`])),
    forbidden("protocols that the kernel would load", ["2, 1, 262", "2, 1, 132", "2, 5, 132", "2, 2, 115", "2, 2, 136", "2, 1, 256", "2, 2, 1", "10, 2, 58", "10, 1, 262"].map((kind): Call => [`socket ${kind}`, 41, 198, kind])),
    python("sockets that programs do need", "import socket\nfor kind in (2, 1, 0), (2, 1, 6), (2, 2, 0), (2, 2, 17), (1, 1, 0), (1, 2, 0), (1, 5, 0): socket.socket(*kind)\nsocket.socketpair(); print('made')", (report, scene) => {
      if (scene.tier !== "shared") prints("made\n")(report, scene);
    }),
    python("the machine's disk past the page cache", "import errno, fcntl, os\ndef tries(f):\n  try: f(); print('did')\n  except OSError as e: print(errno.errorcode[e.errno])\ntries(lambda: os.open('/usr/bin/env', os.O_RDONLY | os.O_DIRECT))\nf = os.open('/usr/bin/env', os.O_RDONLY)\ntries(lambda: fcntl.fcntl(f, fcntl.F_SETFL, os.O_DIRECT))\ntries(lambda: fcntl.fcntl(f, 1026, 1))\nos.posix_fadvise(f, 0, 0, os.POSIX_FADV_DONTNEED); print(len(os.read(f, 4)))", prints("EINVAL\nEINVAL\nEINVAL\n4\n")),
    python("sockets that leave the machine by other ways", refuse(...["17, 3", "16, 3", "38, 5", "40, 1", "2, 3", "2, 10", "10, 3", "31, 3", "29, 3", "15, 3", "44, 3", "30, 5"].map((kind) => `socket.socket(${kind})`)), prints("refused\n".repeat(12))),
    python("system calls of 32 bits", onX86("b80100000031dbcd80c3"), ends("killed", "success", "error")),
    python("a namespace by the 32-bit entry", onX86("b836010000bb00000010cd80c3"), (report) => {
      // unshare(CLONE_NEWUSER) by int 0x80: the filter ends a program that calls the kernel as another architecture.
      assert.ok(report.stdout === "skipped\n" || report.signal === "SIGSYS", JSON.stringify(report));
    }),
    python("a namespace by the x32 entry", onX86("48c7c010010040bf000000100f05c3"), (report) => {
      assert.ok(report.stdout === "skipped\n" || report.signal === "SIGSYS" || Number(report.stdout) < 0, JSON.stringify(report));
    }),
    python("a filter that allows everything", "import ctypes, struct\nl = ctypes.CDLL(None, use_errno=True)\nf = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))\np = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', 1, ctypes.addressof(f)))\nl.prctl(22, 2, p)\nprint(l.unshare(0x10000000), l.chroot(b'/tmp'))", prints("-1 -1\n")),
    python("rights that come back", "import ctypes\nl = ctypes.CDLL(None)\nprint(l.prctl(38, 0, 0, 0, 0), l.prctl(39, 0, 0, 0, 0), l.prctl(24, 0), l.prctl(47, 2, 21, 0, 0), l.prctl(28, 0x3f))", prints("-1 1 -1 -1 -1\n")),
    python("addresses of the kernel", "import re\nfound = []\nfor p in '/proc/kallsyms', '/proc/modules', '/proc/iomem', '/proc/self/stack', '/proc/self/syscall', '/proc/timer_list', '/proc/vmallocinfo':\n  try: found += [p for n in re.findall(r'\\bffff[0-9a-f]{12}\\b', open(p).read())][:1]\n  except OSError: pass\nprint(found)", prints("[]\n")),
    python("typing into a terminal", "import fcntl, termios\nfor f in 0, 1, 2:\n  try: fcntl.ioctl(f, termios.TIOCSTI, b'x'); print('did')\n  except OSError: print('refused')", prints("refused\n".repeat(3))),
    python("file handles and namespaces by ioctl", "import fcntl, os\nfor n in 'user', 'mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup':\n  for r in 0xb701, 0xb702:\n    try: f = fcntl.ioctl(os.open('/proc/self/ns/' + n, 0), r); os.setns(f, 0) if hasattr(os, 'setns') else None; print('got', n, r) if n not in ('user', 'pid') else None\n    except OSError: pass\nprint('on')", ends("success")),
    python("every system call with nothing", "import ctypes, os\nl = ctypes.CDLL(None)\nleave = {0, 1, 15, 22, 23, 34, 35, 56, 57, 58, 59, 60, 61, 62, 101, 200, 231, 234, 247, 270, 271, 322, 435} | {93, 94, 130, 129, 131, 139, 220, 221, 260, 95, 133, 72, 73}\nfor n in range(600):\n  if n in leave: continue\n  if os.fork() == 0:\n    import signal; signal.alarm(1)\n    l.syscall(n, 0, 0, 0, 0, 0, 0); os._exit(0)\n  os.wait()\nprint('on')", ends("success")),
    python("every system call with nonsense", "import ctypes, os, random, signal\nl = ctypes.CDLL(None)\nrandom.seed(1)\nfor k in range(400):\n  if os.fork() == 0:\n    signal.alarm(1); os.closerange(0, 3)\n    l.syscall(random.randrange(470), *[ctypes.c_long(random.choice((0, -1, 1, 2**31, 2**63 - 1, random.getrandbits(40)))) for _ in range(6)]); os._exit(0)\n  os.wait()\nprint('on')", ends("success", "killed", "error", "timeout"), { limits: { timeoutMs: 6_000 } }),
  ],
};
