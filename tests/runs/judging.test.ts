//! Judging: verdicts that hold, and programs and checkers that cheat.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle, problem, type RunResult } from "../harness/docle.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

interface Test {
  index: number;
  verdict: string;
  points: number;
  run?: { id: string; status: string; exitCode: number; stderr: string };
  difference?: { line: number; column: number; expected: string; actual: string };
  checker?: { id: string; exitCode: number; message: string };
  message?: string;
}
interface Judgement {
  verdict: string;
  points: number;
  maxPoints: number;
  passed: number;
  tests: Test[];
}

const policy = { timeoutMs: 10_000 };

function post(path: string, body: unknown, init: RequestInit = {}, key = docle.worker.key): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...init.headers };
  return docle.fetch(path, { method: "POST", ...init, headers, body: JSON.stringify(body) });
}

async function judge(body: object, key = docle.worker.key): Promise<Judgement> {
  const answer = await post("/api/run/judge", { lang: "python", policy, ...body }, {}, key);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as Judgement;
}

const verdicts = (judgement: Judgement) => judgement.tests.map(({ verdict }) => verdict);

async function outputOf(id: string): Promise<RunResult> {
  return (await (await docle.fetch(`/api/run/${id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } })).json()) as RunResult;
}

const sum = "print(sum(map(int, input().split())))";

test("a program is judged with five comparisons, and the first difference is shown", async () => {
  const judgement = await judge({
    code: sum,
    tests: [
      { stdin: "1 2", expected: "3\n", compare: "exact", points: 5 },
      { stdin: "1 2", expected: "3", compare: "exact", points: 5 },
      { stdin: "1 2", expected: "3  \r\n\r\n" },
      { stdin: "1 2", expected: " 3 ", compare: "tokens" },
      { stdin: "1 2", expected: "3.0000001", compare: "float" },
      { stdin: "1 2", expected: "[0-9]", compare: "regex" },
      { stdin: "1 2", expected: "4" },
      { stdin: "one" },
    ],
  });
  assert.deepEqual(verdicts(judgement), ["accepted", "wrong_answer", "accepted", "accepted", "accepted", "accepted", "wrong_answer", "runtime_error"]);
  assert.deepEqual(judgement.tests[1]?.difference, { line: 1, column: 2, expected: "", actual: "\n" });
  assert.deepEqual(judgement.tests[6]?.difference, { line: 1, column: 1, expected: "4", actual: "3" });
  assert.match(judgement.tests[7]?.run?.stderr ?? "", /ValueError/);
  assert.deepEqual([judgement.verdict, judgement.points, judgement.maxPoints, judgement.passed], ["wrong_answer", 9, 16, 5]);
});

/** Prints everything that looks like the expected output, wherever a program can read. The word is put together only while it runs. */
const search = `
import os, sys, glob
word = ("HIDDEN" + "-ANSWER").encode()
found = []
def look(path, data):
    if word in data:
        found.append(path)
look("stdin", sys.stdin.buffer.read())
look("environment", repr(dict(os.environb)).encode())
look("arguments", repr(sys.argv).encode())
for fd in range(3, 64):
    try: look(f"descriptor {fd}", os.read(fd, 1 << 20))
    except OSError: pass
for root in ("/workspace", "/tmp", "/var", "/run", "/dev/shm", "/home", "/root", "/mnt", "/app", "/proc"):
    for at, directories, files in os.walk(root):
        directories[:] = [d for d in directories if d not in ("fd", "fdinfo", "map_files", "task") or root != "/proc"]
        for name in files:
            if name in ("kmsg", "kcore", "kpagecount", "kpageflags", "kpagecgroup", "mem", "pagemap", "clear_refs"): continue
            path = os.path.join(at, name)
            try:
                handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                try: look(path, os.read(handle, 1 << 18))
                finally: os.close(handle)
            except OSError: pass
for process in glob.glob("/proc/[0-9]*"):
    if process == f"/proc/{os.getpid()}": continue
    try:
        for line in open(process + "/maps"):
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            with open(process + "/mem", "rb") as memory:
                memory.seek(begin)
                look(process + "/mem", memory.read(min(end - begin, 1 << 22)))
    except OSError: pass
print("found", found)
`;

test("a program that looks everywhere for the expected output finds none", async () => {
  const expected = `HIDDEN-ANSWER ${crypto.randomUUID()}`;
  const checker = { lang: "python", code: "import time\nopen('test/expected.txt').read()\ntime.sleep(1)\nraise SystemExit(1)" };
  // The search finds what is there.
  const told = await judge({ code: search, tests: [{ stdin: expected, args: ["HIDDEN-ANSWER"], env: { A: "HIDDEN-ANSWER" } }] });
  const { stdout } = await outputOf(told.tests[0]?.run?.id ?? "");
  for (const place of ["stdin", "arguments", "environment", "/proc/"]) assert.ok(stdout.includes(place), stdout);
  for (const how of [{ compare: "exact" }, {}]) {
    const tests = Array.from({ length: 4 }, () => ({ stdin: "1", expected, ...how }));
    // The checks of the first tests run beside the programs of the later ones.
    const judgement = await judge({ code: search, tests, ...("compare" in how ? {} : { checker }) });
    assert.deepEqual(verdicts(judgement), Array(4).fill("wrong_answer"));
    for (const { run } of judgement.tests) {
      assert.equal((await outputOf(run?.id ?? "")).stdout, "found []\n");
      const stored = await (await docle.fetch(`/api/run/${run?.id}`, { headers: { authorization: `Bearer ${docle.worker.key}` } })).text();
      assert.ok(!stored.includes("HIDDEN-ANSWER "), "the record has it");
    }
  }
});

test("a checker never shares a jail with the program, and finds nothing that the program has left", async () => {
  const code = "import os\nfor path in ('/tmp/note', '/workspace/note', '/dev/shm/note'):\n    try: open(path, 'w').write('accept me')\n    except OSError: pass\nprint('answer')";
  const checker = "import glob, sys\nleft = [p for root in ('/tmp', '/workspace', '/dev/shm') for p in glob.glob(root + '/note*')]\nprint(left, open(sys.argv[2]).read().strip(), open(sys.argv[1]).read(), open(sys.argv[3]).read())\nraise SystemExit(1 if left else 0)";
  const judgement = await judge({ code, tests: [{ stdin: "in", expected: "right" }], checker: { lang: "python", code: checker } });
  assert.partialDeepStrictEqual(judgement.tests[0], { verdict: "accepted", checker: { exitCode: 0, message: "[] answer in right\n" } });
});

test("a checker that loops, crashes, lies about points or floods is not the fault of the program, and gives no points", async () => {
  const cases: [code: string, says: RegExp][] = [
    ["while True: pass", /status "timeout"/],
    ["import os; os.abort()", /status "killed"/],
    ["raise ValueError('no')", /^$/],
    ["print('1000000'); raise SystemExit(7)", /no number from 0 to 1/],
    ["print('NaN'); raise SystemExit(7)", /no number from 0 to 1/],
    ["print('accepted'); raise SystemExit(42)", /exit code 42/],
    ["while True: print('0' * 65536)", /status "output"/],
    ["x = bytearray(1 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1", /status "memory"|^$/],
  ];
  for (const [code, says] of cases) {
    const checker = { lang: "python", code, policy: { timeoutMs: 1_000, memoryMB: 128 } };
    const { tests: [first] } = await judge({ code: "print(1)", tests: [{ points: 10 }], checker });
    // Python ends with 1 after an exception, which is what a checker says of a wrong answer.
    assert.match(first?.message ?? "", says, code);
    assert.equal(first?.verdict, first?.message === undefined ? "wrong_answer" : "judge_error", code);
    assert.equal(first?.points, 0, code);
  }
});

test("limits have verdicts of their own", async () => {
  const code = "import sys\nkind = input()\nif kind == 'time':\n    while True: pass\nif kind == 'memory':\n    x = bytearray(1 << 30)\n    for i in range(0, len(x), 4096): x[i] = 1\nif kind == 'output':\n    for _ in range(100): sys.stdout.write('3' * (1 << 20))\nif kind == 'crash':\n    import os; os.abort()\nprint(3)";
  const tests = ["time", "memory", "output", "crash", "none"].map((stdin) => ({ stdin, expected: "3", timeoutMs: stdin === "time" ? 500 : 10_000 }));
  const judgement = await judge({ code, tests, policy: { timeoutMs: 10_000, memoryMB: 128 } });
  const [, memory] = judgement.tests;
  // Python may get the refusal of the kernel before the limit of the group ends it.
  assert.ok(["memory", "runtime_error"].includes(memory?.verdict ?? ""), memory?.verdict);
  assert.deepEqual(verdicts(judgement).toSpliced(1, 1), ["timeout", "output", "runtime_error", "accepted"]);
});

test("the same judgement twice has the same verdicts", async () => {
  const code = "n = int(input())\nprint(n if n % 3 else -n)\nif n % 5 == 0: raise SystemExit(3)";
  const body = { code, tests: Array.from({ length: 20 }, (_, n) => ({ stdin: `${n}`, expected: `${n}`, points: n })) };
  const plain = ({ verdict, points, tests }: Judgement) => [verdict, points, tests.map(({ index, verdict, points, difference }) => ({ index, verdict, points, difference }))];
  assert.deepEqual(plain(await judge(body)), plain(await judge(body)));
});

test("a hundred tests are one call of the key and a hundred runs of the project", async () => {
  const key = docle.worker.newKey();
  await docle.addProject("proj_hundred", key);
  const answer = await post("/api/run/judge", { lang: "python", code: "print(input())", policy, tests: Array.from({ length: 100 }, (_, n) => ({ stdin: `${n}`, expected: `${n}` })) }, {}, key);
  const [limit, remaining] = ["limit", "remaining"].map((name) => Number(answer.headers.get(`x-ratelimit-${name}`)));
  assert.equal(remaining, (limit ?? 0) - 1);
  const judgement = (await answer.json()) as Judgement;
  assert.deepEqual([judgement.verdict, judgement.passed], ["accepted", 100]);
  const authorization = `Bearer ${key}`;
  const ids = new Set<string>();
  const list = async (cursor: string): Promise<void> => {
    const page = (await (await docle.fetch(`/api/runs?limit=100${cursor}`, { headers: { authorization } })).json()) as { history: { id: string }[]; next_cursor?: string };
    for (const { id } of page.history) ids.add(id);
    if (page.next_cursor) await list(`&cursor=${page.next_cursor}`);
  };
  await until("a list of a hundred runs", async () => {
    await list("");
    return ids.size >= 100;
  });
  assert.equal(ids.size, 100);
  assert.ok([...ids].every((id) => judgement.tests.some(({ run }) => run?.id === id)));
});

test("a test that is wrong is refused before anything runs", async () => {
  const answer = await post("/api/run/judge", { lang: "python", code: "", tests: [{}, { compare: "regex", expected: "(a" }] });
  assert.equal((await problem(400, answer)).errors?.[0]?.field, "tests[1].expected");
});

/** An interactor that has a number guessed, and says which way to go. */
const guessing = `
import sys
number = int(open(sys.argv[1]).read())
for turn in range(20):
    line = sys.stdin.readline()
    if not line:
        print("no guess", file=sys.stderr)
        sys.exit(1)
    guess = int(line)
    print("right" if guess == number else "more" if guess < number else "less", flush=True)
    if guess == number:
        print(f"{turn + 1} turns", file=sys.stderr)
        sys.exit(0)
sys.exit(1)
`;
const bisect = `
low, high = 0, 1000
while True:
    guess = (low + high) // 2
    print(guess, flush=True)
    answer = input()
    if answer == "right": break
    if answer == "more": low = guess + 1
    else: high = guess - 1
`;

test("an interactor talks to the program and decides", async () => {
  const interactor = { lang: "python", code: guessing };
  const judgement = await judge({ code: bisect, interactor, tests: [{ stdin: "500" }, { stdin: "737" }, { stdin: "0" }, { stdin: "5000" }] });
  // No number up to 1000 is right in the last test, so the interactor ends it after twenty guesses.
  assert.deepEqual(verdicts(judgement), ["accepted", "accepted", "accepted", "wrong_answer"], JSON.stringify(judgement.tests));
  const { interactor: first } = judgement.tests[0] as Test & { interactor: { message: string } };
  assert.equal(first.message, "1 turns\n");
});

test("a program that crashes, hangs or says nothing to an interactor is to blame, and an interactor that fails is not its fault", async () => {
  const interactor = { lang: "python", code: guessing };
  const cases: [code: string, interactor: object, verdict: string][] = [
    ["raise SystemExit(3)", interactor, "runtime_error"],
    ["import time\ntime.sleep(60)", interactor, "timeout"],
    ["", interactor, "wrong_answer"],
    ["print('five', flush=True)\ninput()", interactor, "wrong_answer"],
    ["input()", { lang: "python", code: "import os; os.abort()" }, "judge_error"],
    [bisect, { lang: "python", code: "raise SystemExit(9)" }, "judge_error"],
  ];
  for (const [code, interactor, verdict] of cases) {
    const judgement = await judge({ code, interactor, tests: [{ stdin: "737", timeoutMs: 1_000 }] });
    assert.deepEqual(verdicts(judgement), [verdict], `${code} ${JSON.stringify(judgement.tests)}`);
  }
});

test("a program that talks to an interactor finds neither the test nor the interactor", async () => {
  const expected = `HIDDEN-ANSWER ${crypto.randomUUID()}`;
  // It talks until the search has ended.
  const interactor = { lang: "python", code: "import sys\nprint('go', flush=True)\nsys.stdin.read()\nsys.exit(1)" };
  const code = search.replace("sys.stdin.buffer.read()", "sys.stdin.buffer.readline()");
  const { tests: [only] } = await judge({ code, interactor, tests: [{ stdin: expected, expected }] });
  assert.equal((await outputOf(only?.run?.id ?? "")).stdout, "found []\n");
});
