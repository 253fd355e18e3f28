//! Python programs at work: streams, threads, processes, and projects of several files.

import { prints, type Program, STDIN } from "../compare.ts";

const files = (all: Record<string, string>) => Object.entries(all).map(([path, content]) => ({ path, content }));

export const streams: Program[] = [
  { name: "input()", code: "print(input()); print(input())\ntry: input()\nexcept EOFError as e: print('end', e)", holds: prints("first line\nsecond line\nend EOF when reading a line\n") },
  { name: "sys.stdin.read()", code: "import sys; print(repr(sys.stdin.read()))" },
  { name: "lines of sys.stdin", code: "import sys\nfor line in sys.stdin: print(repr(line))" },
  { name: "os.read", code: "import os; print(os.read(0, 5)); print(os.read(0, 100)); print(os.read(0, 1))" },
  { name: "fileinput", code: "import fileinput\nfor l in fileinput.input(): print(fileinput.filename(), l, end='')" },
  { name: "no input", code: "import sys; print(repr(sys.stdin.read()))", rest: { stdin: "" }, holds: prints("''\n") },
  { name: "much input", code: "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())", rest: { stdin: "0123456789".repeat(300_000) } },
  { name: "input that nobody reads", code: "print(1)", rest: { stdin: "x".repeat(1_000_000) }, holds: prints("1\n") },
  { name: "input left to a child", code: "import subprocess; subprocess.run(['cat'])", holds: prints(STDIN) },
  { name: "invalid UTF-8", code: "import sys; sys.stdout.buffer.write(b'a\\xff\\xfe\\xe2\\x82b')", holds: prints("a\ufffd\ufffd\ufffdb") },
  { name: "surrogates", code: "print('\\ud800')" },
  { name: "both streams", code: "import sys\nfor i in range(100): print(i); print(i, file=sys.stderr)" },
  { name: "no line end", code: "print('abc', end='')", holds: prints("abc") },
  { name: "much output", code: "for i in range(50_000): print(i)" },
];

export const processes: Program[] = [
  { name: "threads", code: "import threading\nr = []\nt = [threading.Thread(target=r.append, args=(i,)) for i in range(20)]\n[x.start() for x in t]; [x.join() for x in t]\nprint(sorted(r), threading.main_thread().name, threading.active_count())" },
  { name: "a thread pool", code: "from concurrent.futures import ThreadPoolExecutor as P\nwith P(4) as p: print(list(p.map(lambda x: x * x, range(9))))" },
  { name: "asyncio", code: "import asyncio\nasync def m():\n  p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1)\n  print(await p.communicate(), await asyncio.gather(*[asyncio.sleep(0, i) for i in range(3)]))\nasyncio.run(m())" },
  { name: "multiprocessing by fork", code: "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n  m.set_start_method('fork')\n  with m.Pool(2) as p: print(p.map(f, [1, 2, 3]))", holds: prints("[1, 4, 9]\n") },
  { name: "multiprocessing by spawn", code: "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n  m.set_start_method('spawn')\n  with m.Pool(2) as p: print(p.map(f, [1, 2, 3]))", holds: prints("[1, 4, 9]\n") },
  { name: "multiprocessing by fork server", code: "import multiprocessing as m\ndef f(q): q.put(__name__)\nif __name__ == '__main__':\n  c = m.get_context('forkserver'); q = c.Queue(); p = c.Process(target=f, args=(q,)); p.start(); print(q.get()); p.join(); print(p.exitcode)" },
  { name: "spawn without a guard", code: "import multiprocessing as m\nm.set_start_method('spawn', force=True)\np = m.Process(target=print); p.start(); p.join(); print(p.exitcode)" },
  { name: "shared memory", code: "from multiprocessing import shared_memory as s\na = s.SharedMemory(create=True, size=100); b = s.SharedMemory(a.name); a.buf[0] = 7; print(b.buf[0]); b.close(); a.close(); a.unlink()" },
  { name: "fork and wait", code: "import os\np = os.fork()\nif p == 0: print('child', __name__, flush=True); os._exit(4)\nprint(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]))", holds: prints("child __main__\n4\n") },
  { name: "subprocess sees the file", code: "import subprocess; print(subprocess.run(['sh', '-c', 'cat main.py; ls -A'], capture_output=True, text=True))" },
  { name: "subprocess of the same interpreter", code: "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'import sys; print(sys.argv, sys.path[1:])'], capture_output=True, text=True))" },
  { name: "subprocess of itself", code: "import os, subprocess, sys\nif os.environ.get('INNER'): print('inner', __name__, sys.argv)\nelse: subprocess.run([sys.executable, __file__, 'a'], env={**os.environ, 'INNER': '1'})" },
  { name: "a signal between processes", code: "import os, signal\nr, w = os.pipe()\np = os.fork()\nif p == 0:\n  os.write(w, b'x'); signal.pause()\nos.read(r, 1); os.kill(p, 9); print(os.waitpid(p, 0)[1])" },
  { name: "a local server", apart: true, code: "import socket, threading\ns = socket.create_server(('127.0.0.1', 0))\nthreading.Thread(target=lambda: s.accept()[0].sendall(b'hi')).start()\nprint(socket.create_connection(s.getsockname()).recv(2))" },
  { name: "sqlite", code: "import sqlite3\nc = sqlite3.connect('a.db'); c.execute('create table t(x)'); c.execute('insert into t values(1)'); c.commit(); print(c.execute('select * from t').fetchall())" },
  { name: "temporary files", code: "import os, tempfile\nwith tempfile.NamedTemporaryFile() as f: print(os.path.dirname(f.name), os.stat(f.name).st_mode)" },
];

export const projects: Program[] = [
  { name: "a module beside it", code: "import helper\nprint(helper.f(), helper.__file__, helper.__name__)", rest: { files: files({ "helper.py": "def f(): return 1" }) } },
  { name: "a package below it", code: "from pkg.sub import mod\nimport pkg\nprint(mod.x, mod.__package__, pkg.__path__)", rest: { files: files({ "pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/sub/mod.py": "from ... pkg import sub\nx = sub.__name__" }) } },
  { name: "a namespace package", code: "import space.a\nprint(space.__path__, space.a.x)", rest: { files: files({ "space/a.py": "x = 2" }) } },
  { name: "data beside it", code: "import json, os\nprint(json.load(open('data/a.json')), sorted(os.walk('.')))", rest: { files: files({ "data/a.json": "[1]", "data/deep/er/b.txt": "" }) } },
  { name: "an error in a module", code: "import broken", rest: { files: files({ "broken.py": "def f():\n  return 1/0\nf()" }) } },
  { name: "a syntax error in a module", code: "import broken", rest: { files: files({ "broken.py": "x = = 1" }) } },
  { name: "a circular import", code: "import a\nprint(a.y)", rest: { files: files({ "a.py": "import b\ny = b.x + 1", "b.py": "import a\nx = 1" }) } },
  { name: "a module that hides the standard library's", code: "import random\nprint(random.x)", rest: { files: files({ "random.py": "x = 'mine'" }) } },
  { name: "modules that sites read at the start", code: "import sys\nprint('sitecustomize' in sys.modules, 'usercustomize' in sys.modules)", rest: { files: files({ "sitecustomize.py": "print('site')", "usercustomize.py": "print('user')" }) } },
  { name: "a bytecode cache appears", code: "import helper, os\nprint(os.listdir('__pycache__'))", rest: { files: files({ "helper.py": "" }) } },
  { name: "a module that imports __main__", code: "x = 5\nimport helper", rest: { files: files({ "helper.py": "import __main__\nprint(__main__.x)" }) } },
  { name: "many files", code: "import os; print(len(os.listdir('many')), sum(os.path.getsize('many/' + n) for n in os.listdir('many')))", rest: { files: Array.from({ length: 500 }, (_, i) => ({ path: `many/${i}.txt`, content: String(i) })) } },
];
