//! The stage before a compiled program runs: its errors, its options, its limits, and what hostile sources do with it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, describe, test } from "node:test";
import { Docle, type RunResult } from "../harness/docle.ts";
import { whyNoLanguages } from "../harness/languages.ts";
import { until } from "../harness/until.ts";

assert.equal(whyNoLanguages(), undefined);
const docle = await Docle.start();
after(() => docle.stop());

const policy = { timeoutMs: 20_000 };
const compile = { timeoutMs: 20_000 };
const run = (lang: string, code: string, rest: object = {}) => docle.run({ lang, code, policy, compile, ...rest });
const hello = '#include <stdio.h>\nint main(void) { puts("hi"); }\n';

/** A C program whose compilation executes `script` with a shell: what a hostile compilation can do at most. */
const duringCompilation = (script: string, rest: object = {}) =>
  docle.run({
    lang: "c",
    policy,
    compile: { options: ["-specs=a.specs"], ...compile },
    files: [{ path: "main.c", content: hello }, { path: "a.specs", content: "*link_command:\nsh a.sh\n\n" }, { path: "a.sh", content: script }],
    ...rest,
  });

function assertNotCompiled(result: RunResult, says: RegExp) {
  assert.partialDeepStrictEqual(result, { ok: false, status: "compile_error", stdout: "" });
  assert.notEqual(result.compile?.exitCode, 0);
  assert.equal(result.exitCode, result.compile?.exitCode);
  assert.match(result.compile?.stderr ?? "", says);
  assert.match(result.stderr, says);
}

test("sums of times had fifteen decimals", async () => {
  for (const { usage } of await Promise.all(Array.from({ length: 6 }, () => run("c", hello)))) {
    for (const [name, number] of Object.entries(usage)) assert.match(String(number), /^\d+(\.\d{1,2})?$/, name);
  }
});

describe("a program that is wrong", () => {
  const cases: [lang: string, code: string, says: RegExp][] = [
    ["c", "int main(void) {\n  return wrong;\n}\n", /^main\.c: In function ‘main’:\nmain\.c:2:10: error: ‘wrong’ undeclared/],
    ["cpp", "int main() {\n  return wrong;\n}\n", /^main\.cpp: In function ‘int main\(\)’:\nmain\.cpp:2:10: error: ‘wrong’ was not declared/],
    ["go", "package main\n\nfunc main() {\n\twrong()\n}\n", /^\.?\/?main\.go:4:2: undefined: wrong\n/],
    ["java", "public class Main {\n    public static void main(String[] args) { wrong(); }\n}\n", /^Main\.java:2: error: cannot find symbol\n/],
    ["rust", "fn main() {\n    wrong();\n}\n", /^error\[E0425\]: cannot find function `wrong` in this scope\n --> main\.rs:2:5\n/],
  ];
  for (const [lang, code, says] of cases) {
    test(`does not start, and says where it is wrong, in ${lang}`, async () => assertNotCompiled(await run(lang, code), says));
  }
});

describe("a program that is right", () => {
  test("has its compilation in its result and in its stream", async () => {
    const result = await run("c", "int main(void) { int unused; return 0; }\n", { compile: { options: ["-Wall"] } });
    assert.partialDeepStrictEqual(result, { ok: true, status: "success", stderr: "", compile: { stdout: "", exitCode: 0 } });
    assert.match(result.compile?.stderr ?? "", /^main\.c: In function ‘main’:\nmain\.c:1:22: warning: unused variable/);
    assert.ok((result.compile?.durationMs ?? 0) > 0);
    const events = [];
    for await (const event of await docle.stream({ lang: "c", code: hello, policy })) events.push(event);
    const last = events.at(-1) as unknown as { data?: { compile?: unknown }; compile?: unknown };
    assert.ok(JSON.stringify(last).includes('"compile"'), JSON.stringify(last));
    assert.equal((events[1] as { event?: string }).event, "compile");
  });

  test("takes the options of the request after those of the service", async () => {
    const code = "#include <stdio.h>\nint main(void) { printf(\"%ld %d\\n\", __STDC_VERSION__, WIDTH); }\n";
    assert.equal((await run("c", code, { compile: { options: ["-std=c11", "-DWIDTH=7"] } })).stdout, "201112 7\n");
  });

  test("counts the processor time of its compilation", async () => {
    const { usage, compile } = await run("cpp", "#include <iostream>\nint main() {}\n");
    const ofCompilation = compile?.cpuMs ?? 0;
    assert.ok(ofCompilation > 0 && usage.cpuMs >= ofCompilation, JSON.stringify({ usage, compile }));
  });
});

describe("compile of a request", () => {
  const refused: [body: object, field: string, message: RegExp][] = [
    [{ lang: "python", code: "1", compile: {} }, "compile", /must be left out: Python is not compiled/],
    [{ lang: "c", code: "1", compile: { options: ["main2.c"] } }, "compile.options[0]", /must be an option such as "-O2"/],
    [{ lang: "c", code: "1", compile: { timeoutMs: 1 } }, "compile.timeoutMs", /must be an integer from 1000 to 60000/],
    [{ lang: "c", code: "1", compile: { memoryMB: 4_096 } }, "compile.memoryMB", /must be an integer from 64 to 2048/],
    [{ lang: "c", code: "1", compile: { flags: [] } }, "compile.flags", /is not a field/],
  ];
  for (const [body, field, message] of refused) {
    test(`is refused where ${field} is wrong in ${JSON.stringify(body)}`, async () => {
      const { errors } = await docle.refused(400, body);
      assert.match(errors?.find((error) => error.field === field)?.message ?? "", message);
    });
  }

  test("that makes no program is told so", async () => {
    assertNotCompiled(await run("c", hello, { compile: { options: ["-c"] } }), /The compilation made no program/);
  });

  test("that makes a program which cannot be executed ends that program and no runner", async () => {
    const before = (await docle.runner.health()).instance;
    for (const option of ["-Wl,--dynamic-linker=/nowhere", "-shared"]) {
      const result = await run("c", hello, { compile: { options: [option] } });
      assert.ok(["error", "killed"].includes(result.status), JSON.stringify(result));
    }
    assert.equal((await run("c", hello)).stdout, "hi\n");
    assert.equal((await docle.runner.health()).instance, before);
  });
});

describe("a hostile source", () => {
  const short = { timeoutMs: 5_000 };
  const limited = /compile\.(timeoutMs|memoryMB)|wrote more than|fatal error|error:/;
  const cases: [name: string, lang: string, code: string, rest?: object][] = [
    ["that includes an endless device", "c", '#include "/dev/zero"\nint main(void) {}\n'],
    ["that includes an endless device", "cpp", '#include "/dev/zero"\nint main() {}\n'],
    ["that includes random bytes without end", "c", '#include "/dev/urandom"\nint main(void) {}\n'],
    ["that includes itself again and again", "c", '#include "main.c"\n#include "main.c"\n'],
    ["of macros that double", "c", `${Array.from({ length: 40 }, (_, i) => `#define M${i + 1} M${i} M${i}\n`).join("")}#define M0 "x"\nchar text[] = M40;\nint main(void) {}\n`],
    ["of templates that double", "cpp", "template <int N, int M> struct A { A<N - 1, M * 2> a; A<N - 1, M * 2 + 1> b; };\ntemplate <int M> struct A<0, M> { int x; };\nint main() { A<26, 1> a; return sizeof a > 0; }\n"],
    ["of constants that never end", "cpp", "constexpr long f(long n) { return n < 2 ? n : f(n - 1) + f(n - 2); }\ntemplate <long N> struct S { static const long v = f(N); };\nint main() { return S<90>::v; }\n", { compile: { ...short, options: ["-fconstexpr-ops-limit=9000000000000000000"] } }],
    ["that makes an enormous program", "c", "char big[1 << 30] = {1};\nint main(void) { return big[7]; }\n"],
    ["of types that double", "rust", "struct A<T>(T, T);\nfn f<T: Clone>(t: T, n: u32) -> usize { if n == 0 { 0 } else { f(A2(t.clone(), t), n - 1) } }\n#[derive(Clone)] struct A2<T>(T, T);\nfn main() { println!(\"{}\", f(1u8, 9)); let _ = A(1, 2); }\n"],
    ["of macros that never end", "rust", "#![recursion_limit = \"4294967295\"]\nmacro_rules! m { ($($x:tt)*) => { m!($($x)* $($x)* x) } }\nfn main() { m!(x) }\n"],
    ["that is an enormous array", "go", "package main\n\nvar big = [1 << 31]int{1 << 30: 1}\n\nfunc main() {\n\tprintln(big[0])\n}\n"],
  ];
  for (const [name, lang, code, rest] of cases) {
    test(`${name} ends at a limit, in ${lang}`, { timeout: 60_000 }, async () => {
      assertNotCompiled(await run(lang, code, { compile: short, ...rest }), limited);
      await until("nothing runs", () => docle.idle());
    });
  }

  test("whose compiler writes without end is ended", async () => {
    const flood = `${"#warning flood flood flood flood flood flood flood\n".repeat(20_000)}int main(void) {}\n`;
    const result = await run("c", flood);
    assertNotCompiled(result, /The compiler wrote more than 256 KiB/);
    assert.ok((result.compile?.stderr.length ?? 0) <= 8_192);
  });

  test("whose compiler forks without end leaves nothing", { timeout: 60_000 }, async () => {
    const marker = `bomb${Date.now()}`;
    const result = await duringCompilation(`# ${marker}\nf() { f & f; sleep 60 & }\nf\nsh a.sh ${marker} & sleep 60\n`, { compile: { options: ["-specs=a.specs"], timeoutMs: 3_000 } });
    assert.equal(result.status, "compile_error");
    await until("nothing runs", () => docle.idle());
    assert.ok(!execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).includes(marker));
    assert.equal((await run("c", hello)).stdout, "hi\n");
  });

  test("cannot write to the languages, neither when it is compiled nor when it runs", async () => {
    const tries = 'for d in / /usr /usr/bin /usr/lib /etc /opt /opt/go-std /lib/x86_64-linux-gnu /dev; do touch $d/evil 2>/dev/null && echo "wrote $d"; done\necho evil >> /usr/bin/gcc && echo "changed gcc"\nrm -f /usr/bin/gcc && echo "removed gcc"\necho tried\n';
    const compiled = await duringCompilation(`exec >&2\n${tries}exit 1\n`);
    assert.match(compiled.compile?.stderr ?? "", /(^|\n)tried\n/);
    assert.doesNotMatch(compiled.compile?.stderr ?? "", /wrote|changed|removed/);
    const ran = await docle.run({ lang: "bash", code: tries, policy });
    assert.equal(ran.stdout, "tried\n");
    assert.equal((await run("c", hello)).stdout, "hi\n");
  });

  test("sees neither another program nor what was compiled for it", async () => {
    const slow = docle.stream({ lang: "c", code: '#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("up"); fflush(stdout); sleep(60); }\n', policy: { timeoutMs: 20_000 } });
    const events = await slow;
    for await (const event of events) {
      if (!JSON.stringify(event).includes("up")) continue;
      const look = 'ls -A /.layers /.tree /.proc /build/ /packages /tmp /workspace /run\nls -d /proc/[0-9]*\nhead -c1 /build/main\nenv\nexit 1\n';
      const { compile } = await duringCompilation(`exec >&2\n${look}`);
      const seen = compile?.stderr ?? "";
      assert.doesNotMatch(seen, /run-[0-9a-f]{8}|DOCLE|SECRET/, seen);
      assert.match(seen, /cannot access '\/\.layers'/);
      assert.match(seen, /cannot open '\/build\/main'/);
      break;
    }
  });

  test("reaches no network and reads nothing of the machine", async () => {
    const { compile } = await duringCompilation("exec >&2\n(exec 3<>/dev/tcp/127.0.0.1/80) 2>/dev/null && echo connected\nls /root /home /var/cache/docle /work 2>/dev/null\ncat /proc/net/dev | wc -l\necho tried\nexit 1\n");
    assert.match(compile?.stderr ?? "", /^3\n(tried\n)/m);
    assert.doesNotMatch(compile?.stderr ?? "", /connected/);
  });

  test("keeps nothing for the program that another request brings", async () => {
    await duringCompilation("echo evil > /tmp/evil; echo evil > /build/evil; echo evil > /workspace/evil; exit 1\n");
    const { stdout } = await docle.run({ lang: "bash", code: "ls -A /tmp /build/ /workspace\n", policy });
    assert.equal(stdout, "/build/:\n\n/tmp:\n\n/workspace:\nmain.sh\n");
  });
});

test("a client that leaves ends the compilation", { timeout: 60_000 }, async () => {
  const controller = new AbortController();
  const endless = docle.post({ lang: "c", code: '#include "/dev/urandom"\n', compile: { timeoutMs: 60_000, memoryMB: 2_048 }, policy }, { signal: controller.signal });
  await until("it compiles", async () => !(await docle.idle()));
  controller.abort();
  await assert.rejects(endless);
  await until("nothing runs", () => docle.idle());
});
