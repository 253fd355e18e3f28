//! What a Python program shows when it fails: tracebacks with its own lines and nothing else's.

import { ends, fails, type Program } from "../compare.ts";

const deep = "def r(): r()\nr()";

export const errors: Program[] = [
  { name: "an exception", code: "1/0", holds: fails("ZeroDivisionError: division by zero") },
  { name: "an exception in a function", code: "def f():\n  raise ValueError('x')\n\nf()", holds: fails("ValueError: x") },
  { name: "a chain of exceptions", code: "try: 1/0\nexcept Exception as e: raise KeyError('k') from e" },
  { name: "an exception during another", code: "try: 1/0\nexcept Exception: undefined" },
  { name: "an exception group", code: "raise ExceptionGroup('g', [ValueError(1), ExceptionGroup('h', [TypeError(2)])])" },
  { name: "a note", code: "e = ValueError('x'); e.add_note('a note'); raise e" },
  { name: "a suggestion", code: "import math; math.sqr" },
  { name: "carets below an expression", code: "x = {'a': {'b': None}}\nprint(x['a']['b']['c'] + len('abc'))" },
  { name: "too deep a recursion", code: deep, holds: fails("RecursionError: maximum recursion depth exceeded") },
  { name: "an import that is missing", code: "import nothing_of_that_name", holds: fails("ModuleNotFoundError: No module named 'nothing_of_that_name'") },
  { name: "a syntax error", code: "x = = 1", holds: ends("error", 1) },
  { name: "a syntax error on the last line", code: "print('a'\n", holds: ends("error", 1) },
  { name: "a syntax error after much text", code: `${"x = 1\n".repeat(20_000)}y = = 2\n` },
  { name: "an indentation error", code: "if True:\nprint(1)" },
  { name: "a tab error", code: "if True:\n        x = 1\n\ty = 2" },
  { name: "an unterminated string", code: "x = 'abc\nprint(x)" },
  { name: "an unterminated triple quote", code: "x = '''abc\n\n\n" },
  { name: "an f-string that is wrong", code: "print(f'{a b}')" },
  { name: "a character that is no Python", code: "x = 1 € 2" },
  { name: "an invisible character", code: "x = 1\u200b + 2" },
  { name: "a NUL in the text", code: "x = 1\0\nprint(x)" },
  { name: "a syntax warning", code: "print(1 is 1)\nassert (1, 'x')" },
  { name: "a warning", code: "import warnings; warnings.warn('w'); warnings.warn('d', DeprecationWarning)" },
  { name: "an exception in a thread", code: "import threading; t = threading.Thread(target=lambda: 1/0); t.start(); t.join()" },
  { name: "an exception that nobody can raise", code: "class A:\n  def __del__(self): 1/0\nA()" },
  { name: "an excepthook of its own", code: "import sys; sys.excepthook = lambda *a: print('hook', a[0].__name__)\n1/0" },
  { name: "an exception whose text fails", code: "class E(Exception):\n  def __str__(self): 1/0\nraise E()" },
  { name: "a keyboard interrupt", code: "raise KeyboardInterrupt" },
  { name: "an exception in exec", code: "exec('a = 1\\nb = 1/0')" },
  { name: "an exception in compile with a name", code: "exec(compile('1/0', 'other.py', 'exec'))" },
  { name: "traceback.print_stack", code: "import traceback\ndef f(): traceback.print_stack()\nf()" },
  { name: "the frames below the program", code: "import sys\nf = sys._getframe()\nprint(f.f_back, f.f_code.co_filename, f.f_code.co_name, f.f_lineno)" },
];
