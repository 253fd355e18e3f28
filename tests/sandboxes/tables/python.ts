//! Cells of Python that run one after the other in one context: IPython itself says what comes of them.

export const PYTHON_CELLS: string[] = [
  // Values.
  "1 + 1", "2 ** 100", "7 // 2, 7 % 2, -7 // 2", "1 / 3", "1e100", "1e-7", "float('inf')", "float('nan')", "0.1 + 0.2", "3 + 4j", "True", "None", "...", "NotImplemented",
  "'text'", "\"it's\"", "'é\\n\\t'", "b'\\xff\\x00'", "bytearray(b'ab')", "r'\\n'", "f'{1 + 1}'", "'a' 'b'", "''",
  "[1, 2, 3]", "[]", "(1,)", "()", "{'a': 1}", "{}", "{1, 2, 3}", "set()", "frozenset({1})", "range(5)", "slice(1, 2)", "list(range(20))",
  "[[1, 2], [3, [4, [5]]]]", "{'a': {'b': {'c': [1, 2]}}}", "{'b': 1, 'a': 2}", "[None, True, 1.5, 'x']", "(1, 'a', [2])",
  "memoryview(b'ab').tolist()", "'x' * 30", "[i * i for i in range(10)]", "{i: i * i for i in range(5)}", "sum(i for i in range(100))", "sorted('hello')", "list(zip('ab', [1, 2]))",
  "dict(a=1, b=2)", "divmod(17, 5)", "'a,b'.split(',')", "', '.join(['a', 'b'])", "'%s-%d' % ('a', 3)", "'{:>5}|{:<5}|'.format(1, 2)", "len('hello')", "max([3, 1, 2])", "round(2.5)", "abs(-3)",
  // State.
  "x = 5", "x", "x += 1\nx", "a, *b = 1, 2, 3", "a, b", "del a", "y = x = 3\ny", "_", "if x:\n    z = 1\nz", "for i in range(3):\n    pass\ni", "(n := 10)", "n", "global_var = 1\ndef get():\n    return global_var\nget()",
  "x;", "x; y", "x\ny", "x = 1; x", "# only a comment", "", "   \n\n", "1 # with a comment", "'last' if x else 'other'", "[x]\n", "\nx\n\n", "1;2", "pass",
  // Output.
  "print('a')", "print('a', 'b', sep='-', end='!\\n')", "print()", "print('no newline', end='')", "print(1)\nprint(2)\n3", "for i in range(3): print(i)", "print([1, 'a'])", "print('é')", "import sys\nsys.stdout.write('raw\\n')\nNone", "print('x', flush=True)\n1",
  "print(*range(3))", "print(f'{3.14159:.2f}')", "print('a\\nb')", "import pprint\npprint.pprint({'a': 1})", "print('%05d' % 42)",
  // Definitions.
  "def f(n):\n    return n * 2", "f(4)", "def g(*args, **kw):\n    return args, kw\ng(1, 2, a=3)", "(lambda n: n + 1)(1)", "class P:\n    def __init__(self, n):\n        self.n = n\n    def __repr__(self):\n        return f'P({self.n})'", "P(3)", "[P(1), P(2)]", "{'p': P(1)}", "P(3).n",
  "from dataclasses import dataclass\n@dataclass\nclass Q:\n    a: int\n    b: str = 'x'", "Q(1)", "[Q(1), Q(2, 'y')]", "Q(1) == Q(1)", "from enum import Enum\nclass C(Enum):\n    RED = 1\nC.RED", "C['RED'].value", "list(C)", "from collections import namedtuple\nN = namedtuple('N', 'a b')\nN(1, 2)",
  "def gen():\n    yield 1\n    yield 2\nlist(gen())", "@property\ndef h(): pass", "def outer():\n    k = 1\n    def inner():\n        nonlocal k\n        k += 1\n        return k\n    return inner()\nouter()", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    print(e)", "with open('/tmp/t', 'w') as file:\n    file.write('x')", "open('/tmp/t').read()",
  "match 5:\n    case 5:\n        m = 'five'\nm", "def rec(n): return 1 if n < 2 else n * rec(n - 1)\nrec(20)", "isinstance(3, int)", "callable(f)", "hasattr(P, 'n')", "from functools import reduce\nreduce(lambda p, q: p * q, [1, 2, 3])", "import math\nmath.pi", "math.sqrt(2)", "import json\njson.dumps({'a': [1, None]})", "json.loads('{\"a\": 1.5}')",
  "import re\nre.findall(r'\\d+', 'a1b22')", "import datetime\ndatetime.date(2020, 1, 2)", "datetime.timedelta(hours=3)", "import decimal\ndecimal.Decimal('1.10')", "from fractions import Fraction\nFraction(1, 3)", "import uuid\nuuid.UUID(int=1)", "from pathlib import Path\nPath('/tmp/a').name", "import itertools\nlist(itertools.permutations([1, 2, 3], 2))", "import string\nstring.digits", "import operator\noperator.itemgetter(1)([1, 2])",
  "from collections import Counter, OrderedDict, deque, defaultdict\nsorted(Counter('hello').items())", "deque([1, 2])", "OrderedDict(a=1)", "import asyncio\nawait asyncio.sleep(0, 'slept')", "async def co():\n    return 9\nawait co()", "[await co() for _ in range(2)]",
  // Errors, by their names; the next cell works.
  "1 / 0", "undefined_name", "raise ValueError('boo')", "[][1]", "{}['k']", "int('x')", "'a' + 1", "None.x", "import nonesuch", "assert False, 'no'", "x = = 2", "def f(:\n  pass", "  1\n 2", "'open", "(1", "print(1))", "return 1", "break", "raise KeyboardInterrupt", "class E(Exception): pass\nraise E('own')", "print('before')\n1 / 0", "x", "import sys\nsys.exit(2)", "raise StopIteration", "def deep(): return deep()\ndeep()", "open('/nonesuch')",
  // What a notebook adds.
  "!echo shell", "lines = !printf 'a\\nb'\nlist(lines)", "%%bash\necho $((6 * 7))", "value = %pwd\ntype(value).__name__", "from IPython.display import display\ndisplay(1)", "display('a', 'b')", "display({'a': 1})\n2",
  // As IPython prints them.
  "int", "P", "f", "type(3)", "len", "str.upper", "ValueError('boo')", "[int, str]", "list(range(100))", "{i: 'value' * 3 for i in range(12)}", "{'b', 'a', 'c'}", "['word' * 5] * 6", "[[i] * 8 for i in range(8)]", "Counter('aab')", "defaultdict(int, a=1)", "{'k': list(range(40))}", "tuple(range(60))", "frozenset(['y', 'x'])", "'long ' * 30", "l = [1]; l.append(l); l", "d = {}; d['d'] = d; d", "math", "sys.version_info[:1] == (3,)", "[(i, str(i) * 6) for i in range(10)]", "{(1, 2): {3: [4, 5]}, 'z': None}", "super", "object()is None", "range(0, 10, 2)", "[range(3), slice(1, 2, 3)]",
];
