//! Cells of Python, each with exactly what it writes, shows and fails with.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { RunnerContext, type CellOptions } from "../../harness/contexts.ts";
import type { AnyRunner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";

/** Code, and everything that comes of it in its order. */
type Row = [code: string, ...order: string[]];

const VALUES: Row[] = [
  ["1 + 1", "result:2"],
  ["x = 5\nx * 2", "result:10"],
  ["x + 1;"],
  ["x", "result:5"],
  ["None"],
  ["'text'", "result:'text'"],
  ["_", "result:'text'"],
  ["b'\\xff'", "result:b'\\xff'"],
  ["float('nan')", "result:nan"],
  ["l = []; l.append(l); l", "result:[[...]]"],
  ["[i for i in range(3)]", "result:[0, 1, 2]"],
  ["def f(n):\n    return n * 2\nf(4)", "result:8"],
  ["from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\nimport pickle\npickle.loads(pickle.dumps(P(3)))", "result:P(a=3)"],
  ["if True:\n    1 + 1"],
  ["# nothing"],
  [""],
  ["import asyncio\nawait asyncio.sleep(0.01)\n7", "result:7"],
  ["async def g():\n    return 9\nawait g()", "result:9"],
  ["import asyncio\nasyncio.run(g())", "result:9"],
  ["__name__", "result:'__main__'"],
  ["import sys\nsys.argv", "result:['']"],
  ["import os\nos.getcwd()", "result:'/workspace'"],
];

const OUTPUT: Row[] = [
  ["print('a')\nprint('b', file=__import__('sys').stderr)\nprint('c')\n3", "out:a\n", "err:b\n", "out:c\n", "result:3"],
  ["import os\nos.system('echo child')\nprint('after')", "out:child\nafter\n"],
  ["import subprocess\nsubprocess.run(['echo', 'child']).returncode", "out:child\n", "result:0"],
  ["print('before')\ndisplay(1)\nprint('between')\ndisplay(2)\n3", "out:before\n", "result:1", "out:between\n", "result:2", "result:3"],
  ["import os\nos.write(1, b'\\xe9\\n')\nNone", "out:\ufffd\n"],
  ["print('\\ud800')", "out:\\ud800\n"],
  ["import os\nif os.fork() == 0:\n    print('kid')\nelse:\n    os.wait()\n'parent'", "out:kid\n", "result:'parent'"],
  ["import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n    print(pool.map(abs, [-1, -2]))", "out:[1, 2]\n"],
  ["!echo shell", "out:shell\n"],
  ["lines = !printf 'a\\nb'\nlines", "result:['a', 'b']"],
  ["%%bash\nfor i in 1 2; do echo $i; done", "out:1\n2\n"],
  ["%pwd", "result:'/workspace'"],
  ["%matplotlib inline"],
];

const ERRORS: Row[] = [
  ["1 / 0", "error:ZeroDivisionError"],
  ["print('before')\nraise ValueError('boo')", "out:before\n", "error:ValueError"],
  ["x = = 2", "error:SyntaxError"],
  ["def f(:\n  pass", "error:SyntaxError"],
  ["  1\n 2", "error:IndentationError"],
  ["import sys\nsys.exit(3)", "error:SystemExit"],
  ["exit()", "error:SystemExit"],
  ["input('name? ')", "out:name? ", "error:EOFError"],
  ["def r():\n    return r()\nr()", "error:RecursionError"],
  ["nonesuch", "error:NameError"],
  ["import nonesuch", "error:ModuleNotFoundError"],
  ["class B:\n    def __repr__(self):\n        raise RuntimeError('bad repr')\nB()", "error:RuntimeError"],
  ["import os\nos.close(1)\nprint('x')", "error:OSError"],
  ["print('again')", "out:again\n"],
  ["import sys, io\nsys.stdout = io.StringIO()\nprint('lost')"],
  ["print('back')", "out:back\n"],
  ["import sys\nsys.stdout.close()\nprint('open')", "out:open\n"],
  ["import sys\nsys.stdout = None"],
  ["print('here')", "out:here\n"],
  ["%nonesuch", "error:NameError"],
  ["class E(BaseException): pass\nraise E", "error:E"],
  ["raise KeyboardInterrupt", "error:KeyboardInterrupt"],
];

export function pythonCells(runner: AnyRunner): void {
  describe("cells of Python", () => {
    let context: RunnerContext;
    before(async () => {
      context = await RunnerContext.create(await RunnerSandbox.create(runner));
    });
    const data = async (code: string, options?: CellOptions) => (await context.run(code, options)).results;

    for (const [name, rows] of Object.entries({ values: VALUES, output: OUTPUT, errors: ERRORS })) {
      test(`${name} come as they are`, async () => {
        for (const [code, ...order] of rows) assert.deepEqual((await context.run(code)).order, order, code);
      });
    }

    test("a traceback has the lines of its author and no others", async () => {
      const { error, count } = await context.run("def f():\n    raise ValueError('boo')\n\nf()");
      assert.equal(error?.message, "boo");
      const shown = error.traceback.filter((line) => !/^\s*[~^]+$/.test(line));
      assert.deepEqual(shown, [
        "Traceback (most recent call last):",
        `  File "<cell ${count}>", line 4, in <module>`,
        "    f()",
        `  File "<cell ${count}>", line 2, in f`,
        "    raise ValueError('boo')",
        "ValueError: boo",
      ]);
      const syntax = await context.run("x = = 2");
      assert.deepEqual(syntax.error?.traceback.slice(-3), ["    x = = 2", "        ^", "SyntaxError: invalid syntax"]);
      const chained = await context.run("try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError('k') from e");
      assert.ok(chained.error?.traceback.includes("The above exception was the direct cause of the following exception:"));
      assert.ok(!chained.error?.traceback.some((line) => line.includes("<kernel>")));
    });

    test("values have all the formats that they know", async () => {
      assert.deepEqual(await data("{'a': [1, None], 'é': {}}"), [{ "text/plain": "{'a': [1, None], 'é': {}}", "application/json": { a: [1, null], é: {} } }]);
      assert.deepEqual(await data("{'a': {1}}"), [{ "text/plain": "{'a': {1}}" }]);
      assert.deepEqual(await data("[float('inf')]"), [{ "text/plain": "[inf]" }]);
      const rich = `class R:
    def __repr__(self): return 'R'
    def _repr_html_(self): return '<b>r</b>'
    def _repr_png_(self): return b'\\x89PNG'
    def _repr_latex_(self): return '$r$'
    def _repr_svg_(self): return None
    def _repr_markdown_(self): raise NotImplementedError
R()`;
      assert.deepEqual(await data(rich), [{ "text/plain": "R", "text/html": "<b>r</b>", "image/png": "iVBORw==", "text/latex": "$r$" }]);
      const bundle = "class M:\n    def _repr_mimebundle_(self, include=None, exclude=None): return {'text/plain': 'm', 'text/csv': 'a,b'}, {}\nM()";
      assert.deepEqual(await data(bundle), [{ "text/plain": "m", "text/csv": "a,b" }]);
      const broken = await context.run("class Q:\n    def __repr__(self): return 'Q'\n    def _repr_html_(self): 1 / 0\nQ()");
      assert.deepEqual([broken.texts, broken.err], [["Q"], "Q._repr_html_ failed: ZeroDivisionError: division by zero\n"]);
    });

    test("display shows each kind of a notebook, without IPython", async () => {
      const code = `from IPython.display import display, HTML, Markdown, Latex, JSON, SVG, Image, Javascript
display(HTML('<i>h</i>'), Markdown('# m'), Latex('$l$'), JSON({'j': [1]}), SVG('<svg/>'), Image(data=b'\\xff\\xd8jpeg'), Javascript('1'))
get_ipython().__class__.__name__ != ''`;
      const found = (await data(code)).map(({ "text/plain": _, ...rest }) => rest);
      assert.deepEqual(found, [
        { "text/html": "<i>h</i>" },
        { "text/markdown": "# m" },
        { "text/latex": "$l$" },
        { "application/json": { j: [1] } },
        { "image/svg+xml": "<svg/>" },
        { "image/jpeg": Buffer.from("\xff\xd8jpeg", "latin1").toString("base64") },
        { "application/javascript": "1" },
        {},
      ]);
    });

    test("a value of any size has a bounded text", async () => {
      const [result] = await data("'x' * 3_000_000");
      const text = String(result?.["text/plain"]);
      assert.ok(text.length < 1_000_100 && text.endsWith("(2000002 more characters)"), text.slice(-60));
      const [large] = await data("class L:\n    def __repr__(self): return 'L'\n    def _repr_html_(self): return 'x' * 20_000_000\nL()");
      assert.deepEqual(large, { "text/plain": "L\n(too large to show: text/html)" });
    });

    test("variables of a cell are gone after it", async () => {
      assert.deepEqual((await context.run("import os\nos.environ['ONCE']", { env: { ONCE: "yes" } })).texts, ["'yes'"]);
      assert.deepEqual((await context.run("os.environ.get('ONCE')")).texts, []);
    });
  });
}
