//! `docle sandbox` of `@doclehq/cli`, from its tarball, in a pipe and at a terminal, against the real service.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, openSync, readFileSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { until } from "../../tests/harness/until.ts";
import { Cli, follow } from "./cli-harness.ts";

const cli = await Cli.start();
after(() => cli.stop());
const sandbox = (...args: string[]) => cli.run(["sandbox", ...args]);
const made = async (...args: string[]) => (await sandbox("new", ...args)).stdout.trim();

test("a sandbox is made, listed and deleted", async () => {
  const id = await made("--key", "listed", "--name", "A box", "-e", "COLOR=blue", "-m", "128", "--lang", "node");
  assert.match(id, /^sbx_[a-z2-7]{26}$/);
  assert.equal(await made("--key", "listed"), id);
  assert.match((await sandbox("ls")).stdout, new RegExp(`^${id}\t\\w+\tnode\t20\\S+\tlisted\t"A box"$`, "m"));
  const listed = (await sandbox("ls", "--json")).stdout.trim().split("\n").map((line) => JSON.parse(line) as { id: string });
  assert.deepEqual(listed.map((one) => one.id), [id]);
  assert.equal((await sandbox("exec", "key:listed", "echo $COLOR")).stdout, "blue\n");
  assert.deepEqual(await sandbox("rm", id), { code: 0, stdout: "", stderr: "" });
  assert.equal((await sandbox("ls")).stdout, "");
  const gone = await sandbox("exec", id, "true");
  assert.deepEqual([gone.code, gone.stdout], [125, ""]);
  assert.match(gone.stderr, /^docle: .*sandbox/);
});

test("exit code and streams are the command's", async () => {
  const id = await made();
  assert.deepEqual(await sandbox("exec", id, "echo out; echo err >&2; exit 7"), { code: 7, stdout: "out\n", stderr: "err\n" });
  assert.deepEqual(await sandbox("exec", id, "printf", "%s|", "--json", "a b", "$c"), { code: 0, stdout: "--json|a b|$c|", stderr: "" });
  assert.deepEqual(await sandbox("exec", id, "--", "printf", "%s", "-e"), { code: 0, stdout: "-e", stderr: "" });
  assert.equal((await sandbox("exec", "--cwd", "/tmp", "-e", "A=1=2", id, "pwd; echo $A")).stdout, "/tmp\n1=2\n");
  assert.equal((await sandbox("exec", id, "no-such-program")).code, 127);
  const late = await sandbox("exec", "-t", "0.5", id, "echo begun; sleep 60");
  assert.deepEqual([late.code, late.stdout, late.stderr], [124, "begun\n", "docle: the command took too long and was ended; --detach starts one that goes on.\n"]);
  const { code, stdout } = await sandbox("exec", "--json", id, "exit 3");
  assert.deepEqual([code, (JSON.parse(stdout) as { exitCode: number }).exitCode], [3, 3]);
  await sandbox("rm", id);
});

test("output comes as it is written, and Ctrl-C ends the command", async () => {
  const id = await made();
  const command = cli.begin(["sandbox", "exec", id, "sleep 60 & echo $! > pid; echo here; wait"]);
  await until("the command has begun", () => command.said.stdout === "here\n");
  command.child.kill("SIGINT");
  assert.deepEqual(await command.ended, { code: 130, stdout: "here\n", stderr: "docle: The command was ended.\n" });
  assert.equal((await sandbox("exec", id, "timeout 20 tail --pid=$(cat pid) -f /dev/null")).code, 0);
  await sandbox("rm", id);
});

test("a file or a pipe is the standard input of a command, and a session keeps its directory", async () => {
  const id = await made();
  const cwd = cli.files({ "in.txt": "from a file\n", "bytes": new Uint8Array([255]) });
  assert.equal((await cli.begin(["sandbox", "exec", id, "cat"], { stdin: openSync(join(cwd, "in.txt"), "r") }).ended).stdout, "from a file\n");
  const piped = cli.begin(["sandbox", "exec", id, "cat"], { stdin: "pipe" });
  piped.child.stdin?.end("é from a pipe\n");
  assert.deepEqual(await piped.ended, { code: 0, stdout: "é from a pipe\n", stderr: "" });
  const bytes = await cli.begin(["sandbox", "exec", id, "cat"], { stdin: openSync(join(cwd, "bytes"), "r") }).ended;
  assert.deepEqual([bytes.code, bytes.stderr], [2, "docle: Standard input is not UTF-8. Bring it there as a file: docle sandbox cp\n"]);
  await sandbox("exec", "--session", "build", id, "cd /tmp; A=1");
  assert.equal((await sandbox("exec", "--session", "build", id, "pwd; echo $A")).stdout, "/tmp\n1\n");
  await sandbox("rm", id);
});

test("with --tty a command has the terminal, and without a command a shell has it", async () => {
  const id = await made();
  const ask = `import os, sys; print(sys.stdout.isatty(), *os.get_terminal_size(), os.environ["A"], os.getcwd())
while os.get_terminal_size().columns == 100: pass
print("now", *os.get_terminal_size())
try: input("? ")
except KeyboardInterrupt: print("key"); sys.exit(5)`;
  await cli.run(["sandbox", "cp", cli.files({ "ask.py": ask }), `${id}:/workspace/here`]);
  const asked = cli.atTerminal(["sandbox", "exec", "--tty", "--cwd", "here", "-e", "A='it is'", id, "python3", "ask.py"]);
  await until("the program has begun", () => asked.said.stdout.includes("/workspace/here\r\n"), 60);
  assert.equal(asked.said.stdout, "True 100 30 'it is' /workspace/here\r\n");
  asked.child.kill("SIGUSR1");
  await until("a question", () => asked.said.stdout.includes("now 50 20\r\n? "), 60);
  asked.child.stdin?.write("\x03");
  const { code, stdout } = await asked.ended;
  assert.deepEqual([code, stdout.includes("key\r\n")], [5, true], stdout);
  const shell = cli.atTerminal(["sandbox", "exec", "--tty", id]);
  await until("a prompt", () => shell.said.stdout.includes("$ "), 60);
  shell.child.stdin?.write("echo $((6 * 7)); exit 4\r");
  const ended = await shell.ended;
  assert.equal(ended.code, 4, ended.stdout);
  assert.match(ended.stdout, /\r42\r\n/);
  const wrong = await cli.atTerminal(["sandbox", "exec", "--tty", "--cwd", "/none", id, "true"]).ended;
  assert.equal(wrong.code, 125);
  assert.match(wrong.stdout, /docle: The program did not start\.[^]*\/none: No such file/);
  await sandbox("rm", id);
});

test("files and folders are copied in and out, with their bytes and the right to execute", async () => {
  const id = await made();
  const here = cli.files({ "one.bin": new Uint8Array([0, 255, 10]), "dir/run.sh": "#!/bin/sh\necho ran", "dir/deep/ä b.txt": "text", "two.txt": "2" });
  chmodSync(join(here, "dir/run.sh"), 0o755);
  symlinkSync("/etc/passwd", join(here, "dir/link"));
  const copy = (...args: string[]) => cli.run(["sandbox", "cp", ...args], { cwd: here });
  assert.deepEqual(await copy("one.bin", `${id}:/tmp/renamed`), { code: 0, stdout: "", stderr: "" });
  assert.equal((await sandbox("exec", id, "od -An -tu1 /tmp/renamed")).stdout, "   0 255  10\n");
  await copy("one.bin", "two.txt", `${id}:`);
  const { stderr } = await copy("dir", `${id}:/workspace`);
  assert.equal(stderr, "docle: dir/link is left out: it is neither a file nor a folder.\n");
  assert.equal((await sandbox("exec", id, "ls; dir/run.sh; cat 'dir/deep/ä b.txt'; ln -s /etc/passwd dir/link")).stdout, "dir\none.bin\ntwo.txt\nran\ntext");
  assert.equal((await copy(`${id}:one.bin`, "back.bin")).code, 0);
  assert.deepEqual([...readFileSync(join(here, "back.bin"))], [0, 255, 10]);
  const back = await copy(`${id}:dir`, "copies/");
  assert.deepEqual([back.code, back.stderr], [0, "docle: /workspace/dir/link is left out: it is neither a file nor a directory.\n"]);
  assert.deepEqual(readdirSync(join(here, "copies/dir")).toSorted(), ["deep", "run.sh"]);
  assert.equal(readFileSync(join(here, "copies/dir/deep/ä b.txt"), "utf8"), "text");
  assert.equal(statSync(join(here, "copies/dir/run.sh")).mode & 0o111, 0o111);
  await copy(`${id}:one.bin`, `${id}:two.txt`, "copies");
  assert.deepEqual(readdirSync(join(here, "copies")).toSorted(), ["dir", "one.bin", "two.txt"]);
  const missing = await copy(`${id}:none`, ".");
  assert.equal(missing.code, 125);
  assert.match(missing.stderr, /none/);
  await sandbox("rm", id);
});

test("a process goes on without the command, and its output is read and followed", async () => {
  const id = await made();
  await sandbox("exec", id, "mkfifo gate");
  const process = (await sandbox("exec", "--detach", "--name", "web", id, "echo one; echo err >&2; read x < gate; echo $x; exit 3")).stdout.trim();
  assert.match(process, /^proc_/);
  const following = cli.begin(["sandbox", "logs", "--follow", id, "web"]);
  await until("what was written before is shown", () => following.said.stdout === "one\n" && following.said.stderr === "err\n");
  assert.match((await sandbox("logs", id)).stdout, new RegExp(`^${process}\tweb\trunning\t-\t"echo one`));
  await sandbox("exec", id, "echo two > gate");
  assert.deepEqual(await following.ended, { code: 3, stdout: "one\ntwo\n", stderr: "err\n" });
  assert.deepEqual(await sandbox("logs", id, process), { code: 0, stdout: "one\ntwo\n", stderr: "err\n" });
  assert.match((await sandbox("logs", id, "none")).stderr, /has no process none/);
  await sandbox("rm", id);
});

/** Pastes an example of a page into bash, with the command as `docle`; answers with what it prints. */
async function paste(page: string, example: RegExp, files: Record<string, string>): Promise<string> {
  const [, code = assert.fail(`no example in ${page}`)] = example.exec(readFileSync(new URL(page, import.meta.url), "utf8")) ?? [];
  const program = `docle() { ${JSON.stringify(process.execPath)} ${JSON.stringify(cli.main)} "$@"; }\nset -eux\n${code}`;
  const ended = await follow(spawn("bash", ["-c", program], { cwd: cli.files(files), env: cli.env, stdio: ["ignore", "pipe", "pipe"] })).ended;
  assert.equal(ended.code, 0, ended.stderr);
  return ended.stdout;
}

test("the examples of the README and of the page about sandboxes run", async () => {
  const said = await paste("../cli/README.md", /^## Sandboxes\n[^]*?^```bash\n([^]*?)^```$/m, { "main.py": "print('ran')\n", "data/numbers.csv": "1\n2\n" });
  assert.match(said, /^sbx_\w+\t\w+\tpython\t\S+\t-\t"My sandbox"\n[^]*^ran\nprint\('ran'\)\nproc_\w+\n(Serving HTTP[^\n]+\n)?$/m);
  assert.equal(await paste("../../docs/sandboxes.md", /^```sh\n([^]*?)^```$/m, { "main.py": "print('ran')\n" }), "ran\n");
});

for (const [args, code, message] of [
  [[], 2, /new\|ls\|exec\|cp\|logs\|rm/],
  [["nonsense"], 2, /docle sandbox --help/],
  [["exec"], 2, /Say which sandbox/],
  [["exec", "key:none"], 2, /Say what to execute/],
  [["exec", "key:none", "true"], 125, /sandbox/],
  [["exec", "--tty", "key:none", "top"], 2, /needs a terminal/],
  [["exec", "-t", "soon", "key:none", "true"], 2, /--timeout must be a number above 0, got soon/],
  [["new", "--disk", "1"], 125, /runtime_config\.diskMB/],
  [["new", "--key", "a b"], 125, /key/],
  [["cp", "only"], 2, /Say what to copy/],
  [["cp", "a", "b"], 2, /<sandbox>:<path>/],
  [["cp", "key:a:x", "key:b:y"], 2, /<sandbox>:<path>/],
  [["cp", "none.txt", "key:none:"], 125, /sandbox/],
  [["logs"], 2, /Say which sandbox/],
  [["rm"], 2, /Say which sandboxes/],
] as [string[], number, RegExp][]) {
  test(`docle sandbox ${args.join(" ")} says what is wrong`, async () => {
    const ended = await sandbox(...args);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, message);
    assert.equal(ended.stdout, "");
  });
}
