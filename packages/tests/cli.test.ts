//! `@doclehq/cli`, from its tarball, as people use it: in a pipe and at a terminal, against the real service.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { GitServer } from "../../tests/harness/git-server.ts";
import { until } from "../../tests/harness/until.ts";
import { TerminalFilter } from "../cli/src/terminal.ts";
import { Cli, follow } from "./cli-harness.ts";

const git = await GitServer.start();
process.env.DOCLE_REPOSITORY_HOSTS = git.host;
const cli = await Cli.start();
after(() => Promise.all([cli.stop(), git.stop()]));
const { config, env, main, service } = cli;
const withoutKey = { ...env, DOCLE_API_KEY: "" };
const files = (content: Record<string, string | Uint8Array>) => cli.files(content);
const start = (args: string[], options?: Parameters<Cli["begin"]>[1]) => cli.begin(args, options);
const docle = (args: string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }) => cli.run(args, options);

/** A command at a terminal, which `script` of util-linux makes. Both streams of the command arrive as one. */
const atTerminal = (args: string[], cwd: string) =>
  follow(spawn("script", ["--quiet", "--return", "--echo", "never", "--command", [process.execPath, main, ...args].join(" "), "/dev/null"], { cwd, env, stdio: ["pipe", "pipe", "pipe"] }));

test("with --tty the program has the terminal: keys, sizes, screens and the exit code", async () => {
  const cwd = files({ "ask.py": "import os, signal, sys, time\nprint(sys.stdout.isatty(), *os.get_terminal_size(), end='\\x1b[?1049h\\x1b[?25l\\x1b]0;title\\x07\\n')\nsignal.signal(signal.SIGWINCH, lambda *_: print('now', *os.get_terminal_size()))\nprint('size?')\nwhile os.get_terminal_size().columns == 100: time.sleep(0.01)\ntry: input('? ')\nexcept KeyboardInterrupt: print('key'); sys.exit(5)" });
  const terminal = cli.atTerminal(["run", "--tty", "ask.py"], cwd);
  await until("a question", () => terminal.said.stdout.includes("size?\r\n"), 60);
  terminal.child.kill("SIGUSR1");
  await until("another size", () => terminal.said.stdout.includes("now 50 20\r\n? "), 60);
  terminal.child.stdin?.write("\x03");
  const { code, stdout } = await terminal.ended;
  assert.equal(code, 5, stdout);
  assert.equal(stdout, "True 100 30\x1b[?1049h\x1b[?25l\r\nsize?\r\nnow 50 20\r\n? ^Ckey\r\n\x1b[?1049l\x1b[?25h\x1b[!p\x1b[0m");
});

test("streams and exit code are the program's", async () => {
  const cwd = files({ "main.py": "import sys\nprint('out', sys.argv[1:])\nprint('err', file=sys.stderr)\nsys.exit(7)" });
  assert.deepEqual(await docle(["run", "main.py", "--", "--json", "-x"], { cwd }), { code: 7, stdout: "out ['--json', '-x']\n", stderr: "err\n" });
  assert.equal((await docle(["run", "main.py", "a"], { cwd })).stdout, "out ['a']\n");
});

test("a pipe is passed on as it comes, and a program that does not read it does not wait for it", async () => {
  const cwd = files({ "echo.py": "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)", "deaf.py": "print('done')" });
  const echo = start(["run", "echo.py"], { cwd, stdin: "pipe" });
  echo.child.stdin?.write("é1\n");
  await until("the first line comes back", () => echo.said.stdout === "É1\n");
  echo.child.stdin?.end("b\n");
  assert.deepEqual(await echo.ended, { code: 0, stdout: "É1\nB\n", stderr: "" });
  assert.deepEqual(await start(["run", "deaf.py"], { cwd, stdin: "pipe" }).ended, { code: 0, stdout: "done\n", stderr: "" });
});

test("a file as standard input is sent whole", async () => {
  const cwd = files({ "count.py": "import sys; print(len(sys.stdin.read()))", "input.txt": "x".repeat(100_000) });
  const child = spawn("sh", ["-c", '"$0" "$1" run count.py < input.txt', process.execPath, main], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  assert.deepEqual(await follow(child).ended, { code: 0, stdout: "100000\n", stderr: "" });
});

test("a folder is sent without what .gitignore leaves out, and without links", async () => {
  const list = "import os\nfor root, dirs, names in sorted(os.walk('.')):\n  for name in sorted(names): print(os.path.join(root, name))\nprint(open('data.bin', 'rb').read())";
  const cwd = files({ "main.py": list, "data.bin": new Uint8Array([255, 0]), "pkg/a.py": "", "pkg/b.log": "", "secret.env": "", ".gitignore": "*.env\n/build/\n", "build/x": "", "pkg/.gitignore": "*.log\n", "node_modules/m/i.js": "", ".git/config": "" });
  symlinkSync("/etc/passwd", join(cwd, "link"));
  const { stdout, stderr } = await docle(["run", "."], { cwd });
  assert.equal(stdout, "./data.bin\n./main.py\n./pkg/a.py\nb'\\xff\\x00'\n", stderr);
});

test("options reach the run", async () => {
  const cwd = files({ "main.js": "const fs = require('fs'); console.log(process.env.A, process.env.B, process.env.HOME_OF_MINE, fs.readFileSync('more/data.txt', 'utf8')); fs.mkdirSync('out'); fs.writeFileSync('out/a.txt', 'saved'); fs.writeFileSync('out/large', 'x'.repeat(400_000))", "more/data.txt": "data" });
  const { code, stdout, stderr } = await docle(["run", "-e", "A=1=2", "--env", "B", "-f", "more/data.txt", "--artifact", "out/*", "-o", "got", "main.js"], { cwd, env: { ...env, B: "mine", HOME_OF_MINE: "not sent" } });
  assert.deepEqual([code, stdout], [0, "1=2 mine undefined data\n"], stderr);
  assert.equal(readFileSync(join(cwd, "got", "out", "a.txt"), "utf8"), "saved");
  assert.match(stderr, /saved got\/out\/a\.txt/);
  assert.equal(readFileSync(join(cwd, "got", "out", "large"), "utf8").length, 400_000, "a file that no result contains");
});

test("--repo runs a file of a git repository, with files of this machine in it", async () => {
  git.repository("owner/name").commit({ "src/main.py": "import sys, words\nprint(words.greeting, sys.argv[1:])", "src/words.py": "greeting = 'from git'", "main.js": "console.log('top')" });
  const url = git.url("owner/name");
  const cwd = files({ "words.py": "greeting = 'from here'" });
  assert.deepEqual(await docle(["run", "--repo", url, "--subdir", "src", "main.py", "--ref", "a"], { cwd }), { code: 0, stdout: "from git ['--ref', 'a']\n", stderr: "" });
  assert.equal((await docle(["run", "--repo", url, "--ref", "main", "--subdir", "src", "-f", "words.py", "main.py"], { cwd })).stdout, "from here []\n");
  assert.equal((await docle(["run", "--repo", url, "--lang", "node"], { cwd })).stdout, "top\n");
  git.protect("private", "secret-token");
  git.repository("private").commit({ "main.py": "print('private')" });
  const hidden = { cwd, env: { ...env, DOCLE_REPO_TOKEN: "secret-token" } };
  assert.deepEqual(await docle(["run", "--repo", git.url("private"), "main.py"], hidden), { code: 0, stdout: "private\n", stderr: "" });
  const missing = await docle(["run", "--repo", url, "--ref", "none", "main.py"], { cwd });
  assert.equal(missing.code, 125);
  assert.match(missing.stderr, /none[^]*docle: the repository could not be fetched, so the program did not start\.\n$/);
});

test("what ended a program is said, with the way out", async () => {
  const cwd = files({ "loop.py": "print('begun', flush=True)\nwhile True: pass", "import.py": "import cv2", "net.py": "import urllib.request as r\ntry: r.urlopen('http://example.com')\nexcept Exception: pass" });
  const timeout = await docle(["run", "-t", "0.5", "loop.py"], { cwd });
  assert.deepEqual([timeout.code, timeout.stdout], [124, "begun\n"]);
  assert.match(timeout.stderr, /^docle: the program took too long and was ended; --timeout gives it more time\.$/m);
  assert.match((await docle(["run", "import.py"], { cwd })).stderr, /docle: The module "cv2" is not installed/);
  assert.match((await docle(["run", "--allow-host", "pypi.org", "net.py"], { cwd })).stderr, /docle: example\.com:80 was not reached: --allow-host allows it\./);
});

test("--json prints the result and nothing else", async () => {
  const cwd = files({ "main.py": "print('x'); raise SystemExit(4)" });
  const { code, stdout } = await docle(["run", "--json", "main.py"], { cwd });
  const result = JSON.parse(stdout) as { id: string; stdout: string; exitCode: number };
  assert.deepEqual([code, result.stdout, result.exitCode], [4, "x\n", 4]);
  const shown = await docle(["show", result.id]);
  assert.deepEqual([shown.code, shown.stdout], [4, "x\n"]);
  assert.match(shown.stderr, /: error, exit code 4, \d+ ms, 20/);
});

test("a run goes on without the command, and is shown when it has ended", async () => {
  const cwd = files({ "main.py": "import time; time.sleep(0.5); print('late')" });
  const { code, stdout } = await docle(["run", "--detach", "main.py"], { cwd });
  assert.equal(code, 0);
  const id = stdout.trim();
  assert.equal((await docle(["show", id])).stdout, "late\n");
  const { stdout: list } = await docle(["runs"]);
  assert.match(list, new RegExp(`^${id}\tsuccess\t0\t\\d+ ms\tpython\t`, "m"));
});

test("a run that is interrupted has ended at the service, too", async () => {
  const cwd = files({ "main.py": "import time\nprint('begun', flush=True)\ntime.sleep(50)" });
  for (const stdin of ["ignore", "pipe"] as const) {
    const command = start(["run", "main.py"], { cwd, stdin });
    await until("the program has begun", () => command.said.stdout === "begun\n");
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended;
    assert.deepEqual([code, stderr], [130, "docle: The run was ended.\n"], stdin);
  }
  await until("nothing runs any more", async () => (await service.runner.health()).running === 0);
});

test("at a terminal a person types and Ctrl-C ends the program", async () => {
  const cwd = files({ "ask.py": "print('Hello ' + input('Name? '))\nprint('\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m\\x1b[6n')\ninput()" });
  const terminal = atTerminal(["run", "ask.py"], cwd);
  await until("the question is shown", () => terminal.said.stdout.includes("Name? "));
  terminal.child.stdin?.write("Ada\r");
  await until("the answer is shown", () => terminal.said.stdout.includes("red"));
  assert.match(terminal.said.stdout, /Hello Ada\r\n\x1b\[31mred\x1b\[0m\r\n/);
  terminal.child.stdin?.write("\x03");
  assert.equal((await terminal.ended).code, 130);
});

test("--watch runs again when the program changes, and ends the run before", async () => {
  const cwd = files({ "main.py": "import time\nprint('first', flush=True)\ntime.sleep(50)" });
  const command = start(["run", "--watch", "main.py"], { cwd });
  await until("the first one runs", () => command.said.stdout === "first\n");
  writeFileSync(join(cwd, "main.py"), "print('second')");
  await until("the second one has run", () => command.said.stderr.includes("exit code 0; waiting for changes"));
  assert.equal(command.said.stdout, "first\nsecond\n");
  command.child.kill("SIGINT");
  assert.equal((await command.ended).code, 130);
});

test("--watch ended when the program could not be read for a moment", async () => {
  const cwd = files({ "main.py": "print('first')", "data.txt": "1" });
  const command = start(["run", "--watch", "--file", "data.txt", "main.py"], { cwd });
  await until("the first one has run", () => command.said.stdout === "first\n" && command.said.stderr.includes("exit code 0"));
  rmSync(join(cwd, "data.txt"));
  writeFileSync(join(cwd, "main.py"), "print('second')");
  await until("what is missing is said", () => command.said.stderr.includes("data.txt cannot be read"));
  writeFileSync(join(cwd, "data.txt"), "2");
  writeFileSync(join(cwd, "main.py"), "print('third')");
  await until("it runs again", () => command.said.stdout.endsWith("third\n"));
  command.child.kill("SIGINT");
  assert.equal((await command.ended).code, 130);
});

test("login --with-key keeps a key where only its owner can read it, and for its address only", async () => {
  const login = start(["login", "--with-key"], { env: withoutKey, stdin: "pipe" });
  login.child.stdin?.end(`${service.worker.key}\n`);
  const { code, stderr } = await login.ended;
  assert.equal(code, 0, stderr);
  assert.ok(!stderr.includes(service.worker.key));
  const file = join(config, "docle", "config.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const cwd = files({ "main.py": "print(1)" });
  assert.equal((await docle(["run", "main.py"], { cwd, env: withoutKey })).stdout, "1\n");
  const elsewhere = await docle(["run", "--base-url", "http://127.0.0.1:9", "main.py"], { cwd, env: withoutKey });
  assert.match(elsewhere.stderr, /There is no key for http:\/\/127\.0\.0\.1:9/);
  await docle(["logout"]);
  assert.ok(!existsSync(file));
});

test("a wrong key is not kept", async () => {
  const login = start(["login", "--with-key"], { env: withoutKey, stdin: "pipe" });
  login.child.stdin?.end("sk_live_wrong\n");
  const { code, stderr } = await login.ended;
  assert.equal(code, 125);
  assert.match(stderr, /DOCLE_API_KEY/);
  assert.ok(!existsSync(join(config, "docle", "config.json")));
});

test("a reader that stops ends the command", async () => {
  const cwd = files({ "main.py": "import time\nfor i in range(10**9): print(i, flush=True); time.sleep(0.001)" });
  const child = spawn("sh", ["-c", '"$0" "$1" run main.py | head -n 2', process.execPath, main], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  assert.equal((await follow(child).ended).stdout, "0\n1\n");
  await until("nothing runs any more", async () => (await service.runner.health()).running === 0);
});

const cwd = files({ "main.py": "print(1)", "text.txt": "", "empty/a.py": "" });
for (const [args, code, message] of [
  [[], 2, /^Runs untrusted code/],
  [["run"], 2, /Say which file or folder to run/],
  [["main.py"], 2, /There is no command main\.py.*`docle run main\.py` runs a file/],
  [["run", "none.py"], 2, /none\.py does not exist/],
  [["run", "text.txt"], 2, /--lang/],
  [["run", "empty"], 2, /--entrypoint/],
  [["run", "--timeout", "soon", "main.py"], 2, /--timeout must be a number above 0, got soon/],
  [["run", "--nonsense", "main.py"], 2, /Unknown option '--nonsense'\. `docle --help`/],
  [["run", "-e", "NOT_SET_HERE", "main.py"], 2, /--env NOT_SET_HERE: write NAME=value/],
  [["run", "-f", "/etc/passwd", "main.py"], 2, /not below/],
  [["run", "-t", "1000000", "main.py"], 125, /policy\.timeoutMs must be an integer from 100 to 300000/],
  [["run", "-l", "klingon", "main.py"], 125, /klingon/],
  [["run", "--base-url", "localhost:1", "main.py"], 2, /must begin with https/],
  [["run", "--base-url", "http://127.0.0.1:4", "main.py"], 125, /ECONNREFUSED/],
  [["run", "--tty", "main.py"], 2, /needs a terminal/],
  [["run", "--tty", "--json", "main.py"], 2, /--json exclude/],
  [["show", "nothing"], 125, /./],
  [["run", "--ref", "main", "main.py"], 2, /--ref belongs to --repo/],
  [["run", "--repo", "https://github.com/owner/name"], 2, /which file of the repository is started, or its language/],
  [["run", "--repo", "https://github.com/owner/name", "--entrypoint", "a.py", "b.py"], 2, /named once/],
  [["run", "--repo", "https://github.com/owner/name", "--watch", "b.py"], 2, /--watch and --repo exclude each other/],
  [["run", "--repo", "ftp://example.com/x", "b.py"], 125, /repo\.url/],
] as [string[], number, RegExp][]) {
  test(`docle ${args.join(" ")} says what is wrong`, async () => {
    const ended = await docle(args, { cwd });
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, message);
    assert.equal(ended.stdout, "");
  });
}

test("a wrong key is told with the way out, at a pipe, too", async () => {
  for (const stdin of ["ignore", "pipe"] as const) {
    const { code, stderr } = await start(["run", "main.py"], { cwd, stdin, env: { ...env, DOCLE_API_KEY: "sk_live_wrong" } }).ended;
    assert.equal(code, 125);
    assert.match(stderr, /docle login/);
  }
});

test("no sequence of a program commands the terminal, however it is cut", () => {
  const commands = ["\x1b]52;c;aGk=\x07", "\x1b]0;t\x1b\\", "\x1b]8;;http://x\x1b\\", "\x1bP$q\x1b\\", "\x1b_x\x1b\\", "\x1b^x\x1b\\", "\x1b[6n", "\x1b[c", "\x1b[>c", "\x1b[21t", "\x1b[?1049h", "\x1b[?2004l", "\x1bc", "\x9d0;t\x9c", "\x9b6n", "\x05", "\x1b[!p", "\x1b(0", `\x1b[${"1;".repeat(100)}m`];
  const allowed = ["\x1b[31m", "\x1b[38;5;1m", "\x1b[38:2::1:2:3m", "\x1b[2K", "\x1b[1A", "\x1b7", "ü\t\r\n"];
  for (const text of commands) {
    for (const cut of Array.from(text, (_, index) => index)) {
      const filter = new TerminalFilter();
      assert.equal(filter.filter(`a${text.slice(0, cut)}`) + filter.filter(`${text.slice(cut)}b`), "ab", JSON.stringify(text));
    }
  }
  for (const text of allowed) assert.equal(new TerminalFilter().filter(text), text, JSON.stringify(text));
});

test("a program that draws uses the screen, and what it leaves is taken back", () => {
  const draws = [...["\x1b[?1049h", "\x1b[?25l", "\x1b[?1;2004h", "\x1b[1;24r", "\x1b(B", "\x1b(0", "\x1b=", "\x1b>", "\x1b[4l", "\x1b[3X", "\x1b[2 q", "\x1b[!p", "\x1b[6n", "\x07"], "\x1b[31m"];
  for (const text of draws) assert.equal(new TerminalFilter(true).filter(text), text, JSON.stringify(text));
  for (const text of ["\x1b]52;c;aGk=\x07", "\x1b]0;t\x1b\\", "\x1bP$q\x1b\\", "\x1b[c", "\x1b[>c", "\x1b[5n", "\x1b[?6n", "\x1b[21t", "\x1b[22;0;0t", "\x1b[?3h", "\x1b[?1049;3h", "\x1bc", "\x9d0;t\x9c", "\x05"]) {
    assert.equal(new TerminalFilter(true).filter(`a${text}b`), "ab", JSON.stringify(text));
  }
  const filter = new TerminalFilter(true);
  filter.filter("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[?2004l\x1b[?7h");
  assert.equal(filter.reset(), "\x1b[?1049l\x1b[?25h\x1b[!p\x1b[0m");
});
