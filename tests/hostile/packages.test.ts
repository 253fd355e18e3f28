//! Packages that attack the installer, the program that imports them, and the layers that all runs share.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { after, describe, test } from "node:test";
import { cold, shown } from "../conformance/compare.ts";
import { again, job, post, run, type Language } from "../harness/jobs.ts";
import { processesWith } from "../harness/runner.ts";
import { until } from "../harness/until.ts";
import { honest } from "./corpus.ts";
import { openRegistry, PASSWORD, type HostilePackage } from "./registry.ts";
import { asOurselves } from "./tiers.ts";

const MARKER = `attack-${process.pid}-package`;
const MODULE = { "evil.py": "print('imported')" };
/** What three quarters of an installation's memory may hold. */
const LAYER_MB = 1_536;

const pythons: HostilePackage[] = [
  { name: "climber", files: { "climber.py": "", "../../../../../../workspace/climbed.py": "", "../../../../../../tmp/climbed.py": "" } },
  { name: "absolute", files: { "absolute.py": "", "/workspace/climbed.py": "", "/tmp/climbed.py": "" } },
  { name: "linker", files: { "linker.py": "" }, links: { "linked": "/etc/passwd", "up": "../../../../../.." } },
  { name: "starter", files: { "starter.py": "", "sitecustomize.py": "import builtins; builtins.began = 'site'", "usercustomize.py": "import builtins; builtins.began = 'user'" } },
  { name: "pather", files: { "pather.py": "", "pather.pth": "import builtins; builtins.began = 'path'\n" } },
  { name: "daemon", files: MODULE, build: `import os\nif os.fork() == 0:\n  os.setsid()\n  for i in range(3): os.dup2(os.open('/dev/null', 2), i)\n  os.execvp('sh', ['sh', '-c', 'while :; do sleep 1; done', '${MARKER}'])` },
  { name: "spy", files: { "spy.py": "print(open(__file__.replace('spy.py', 'seen.txt')).read())" }, build: "import glob, os\ntext = repr(dict(os.environ))\nfor path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):\n  try: text += open(path).read().replace('\\0', ' ')\n  except OSError: pass\nFILES['seen.txt'] = text" },
  { name: "inflater", files: MODULE, build: "for i in range(17):\n  with open(f'/packages/sparse-{i}', 'wb') as f: f.truncate(100 << 20)" },
  { name: "digger", files: MODULE, build: "import os\nos.chdir('/packages')\nfor i in range(3000):\n  os.mkdir('d'); os.chdir('d')\nos.chdir('/tmp')" },
  { name: "weaver", files: MODULE, build: "import os\nos.makedirs('/packages/p/q', exist_ok=True)\nos.symlink('../..', '/packages/p/q/s')\nos.symlink('p/q/s/../..', '/packages/t')\nos.symlink('/etc/passwd', '/packages/a')\nos.symlink('t/..', '/packages/u')" },
  { name: "odd", files: MODULE, build: "import os, socket\nos.makedirs('/packages/x', exist_ok=True)\nos.mkfifo('/packages/x/pipe')\nsocket.socket(socket.AF_UNIX).bind('/packages/x/socket')\nopen(b'/packages/x/\\xff\\n', 'w').close()\nopen('/packages/x/closed', 'w').close(); os.chmod('/packages/x/closed', 0)\nos.mkdir('/packages/x/shut'); os.chmod('/packages/x/shut', 0)\nopen('/packages/x/suid', 'w').close(); os.chmod('/packages/x/suid', 0o6777)" },
  { name: "hoarder", files: MODULE, build: "for i in range(80_000): open(f'/packages/{i}', 'w').close()" },
  { name: "prober", files: { "prober.py": "print(open(__file__.replace('prober.py', 'seen.txt')).read())" }, build: "import os, socket, urllib.parse\nproxy = urllib.parse.urlsplit(os.environ['http_proxy'])\nseen = []\nfor port in 22, 80, 443, 9912:\n  s = socket.create_connection((proxy.hostname, proxy.port), 5); s.sendall(b'CONNECT 127.0.0.2:%d HTTP/1.1\\r\\n\\r\\n' % port); seen.append(s.recv(200).split()[1].decode())\nFILES['seen.txt'] = ' '.join(seen)" },
  { name: "heavy", files: MODULE, build: "f = open('/packages/heavy', 'wb')\nfor i in range(150): f.write(bytes(1 << 20))" },
  { name: "writer", files: { "writer.py": "value = 'true'" } },
];

const script = `require('fs').writeFileSync('/packages/ran', 'x')`;
const nodes: HostilePackage[] = [
  { name: "runs-scripts", files: { "package/package.json": JSON.stringify({ name: "runs-scripts", version: "1.0.0", scripts: { preinstall: `node -e "${script}"`, install: `node -e "${script}"`, postinstall: `node -e "${script}"` } }), "package/index.js": "module.exports = require('fs').existsSync('/packages/ran')" } },
  { name: "climbs", files: { "package/package.json": '{"name": "climbs", "version": "1.0.0"}', "package/index.js": "module.exports = 1", "package/../../../climbed.js": "", "package/../../../../../tmp/climbed.js": "" }, links: { "package/out": "/etc/passwd", "package/up": "../../../.." } },
];

const registry = await openRegistry(pythons, nodes);
const { runner, stop } = await asOurselves(...registry.flags);
after(async () => {
  await stop();
  registry.stop();
});

const withPackages = (language: Language, code: string, ...packages: string[]) => run(runner, job(language, code, { packages, limits: { timeoutMs: 20_000 } }));

/** Where the links of a layer lead from where a program sees it. */
const FOLLOW = "import os\nfor r, d, f in os.walk('/packages'):\n  for n in d + f:\n    p = os.path.join(r, n)\n    if os.path.islink(p) and not os.path.realpath(p).startswith('/packages'): print(p, os.readlink(p))\nprint('followed')";

describe("packages", () => {
  for (const name of ["climber", "absolute"]) {
    test(`${name}: nothing is written outside of the layer`, async () => {
      const code = "import os; print([p for p in ('/workspace/climbed.py', '/tmp/climbed.py', '/packages/climbed.py') if os.path.exists(p)])";
      const report = await withPackages("python", code, name);
      assert.ok(report.status === "install_failed" || report.stdout === "[]\n", JSON.stringify(report));
      assert.ok(!existsSync("/tmp/climbed.py") && !existsSync("/workspace/climbed.py"));
    });
  }

  for (const name of ["linker", "weaver"]) {
    test(`${name}: no link of a layer leads out of it`, async () => {
      const report = await withPackages("python", FOLLOW, name);
      assert.ok(report.status === "install_failed" || report.stdout === "followed\n", JSON.stringify(report));
    });
  }

  for (const name of ["starter", "pather"]) {
    test(`${name}: what is read at the start is read in a warm start as in a cold one`, async () => {
      const plain = job("python", `import builtins, ${name}; print(getattr(builtins, 'began', 'nothing'))`, { packages: [name] });
      // The installation has used up the interpreter that waited.
      await run(runner, plain);
      const [fromWarm, fromCold] = [await run(runner, again(plain)), await run(runner, cold(plain))];
      assert.equal(fromCold.status, "success", fromCold.stderr);
      assert.deepEqual(shown(fromWarm), shown(fromCold));
    });
  }

  for (const [language, name] of [["python", "misspelt"], ["node", "misspelt"], ["python", "writer==9.9"]] as const) {
    test(`${language} ${name}: what does not exist is looked up once in a while, not for every run`, async () => {
      const install = () => withPackages(language, "1", name);
      const first = await install();
      const asked = registry.requests();
      const second = await install();
      assert.deepEqual([first.status, second.status, second.stderr], ["install_failed", "install_failed", first.stderr]);
      assert.equal(registry.requests(), asked, "nobody was asked again");
    });
  }

  test("a registry in trouble is asked again", async () => {
    const install = () => withPackages("python", "import writer; print(writer.value)", "writer==1.0");
    registry.fail(true);
    const refused = await install().finally(() => registry.fail(false));
    assert.equal(refused.status, "install_failed");
    assert.equal((await install()).stdout, "true\n");
  });

  test("daemon: nothing outlives an installation", async () => {
    const report = await withPackages("python", "import evil", "daemon");
    assert.equal(report.stdout, "imported\n", report.stderr);
    await until("no process is left", () => processesWith(MARKER).length === 0);
  });

  test("spy: an installation sees nothing of the operator's", async () => {
    const report = await withPackages("python", "import spy", "spy");
    assert.equal(report.status, "success", report.stderr);
    for (const secret of [runner.secret, runner.state]) assert.ok(!report.stdout.includes(secret), secret);
  });

  test("spy: nothing is built beside an installer that knows a password", async () => {
    const { runner, stop } = await asOurselves(...registry.flagsWithPassword);
    try {
      const install = (name: string) => run(runner, job("python", `import ${name}; print('imported')`, { packages: [name], limits: { timeoutMs: 20_000 } }));
      const [built, unpacked] = [await install("spy"), await install("writer")];
      assert.equal(built.status, "install_failed", built.stdout);
      assert.ok(!built.stderr.includes(PASSWORD), built.stderr);
      assert.equal(unpacked.stdout, "imported\n", unpacked.stderr);
    } finally {
      await stop();
    }
  });

  test("inflater: a layer takes no more room than the installation had", async () => {
    const report = await withPackages("python", "import evil", "inflater");
    assert.ok(["success", "install_failed"].includes(report.status), JSON.stringify(report));
    const [megabytes] = execFileSync("du", ["-sm", runner.state], { encoding: "utf8" }).split("\t");
    assert.ok(Number(megabytes) <= LAYER_MB, `${megabytes} MB`);
  });

  test("hoarder: empty files without number are refused", async () => {
    const report = await withPackages("python", "import evil", "hoarder");
    assert.equal(report.status, "install_failed", JSON.stringify(report));
  });

  test("prober: a build reached every port of the registry's host", async () => {
    const report = await withPackages("python", "import prober", "prober");
    assert.equal(report.stdout, "403 403 403 403\n", report.stderr);
  });

  test("heavy: a package with a file of more than 100 MiB could not be installed", async () => {
    const report = await withPackages("python", "import evil, os; print(os.path.getsize('/packages/heavy') >> 20)", "heavy");
    assert.equal(report.stdout, "imported\n150\n", report.stderr);
  });

  test("digger: directories in directories are the package's own trouble", async () => {
    for (let again = 0; again < 2; again++) {
      const report = await withPackages("python", "import evil", "digger");
      assert.ok(["success", "install_failed"].includes(report.status), JSON.stringify(report));
    }
  });

  test("odd: what is no file stays behind, and nothing has more rights than it needs", async () => {
    const code = "import os, stat\nfor r, d, f in os.walk(b'/packages/x'):\n  for n in f + d:\n    s = os.lstat(os.path.join(r, n)); print(stat.S_IFMT(s.st_mode) not in (stat.S_IFREG, stat.S_IFDIR), bool(s.st_mode & 0o6022), s.st_uid == os.getuid())";
    const report = await withPackages("python", code, "odd");
    assert.notEqual(report.status, "system", JSON.stringify(report));
    assert.match(report.stdout, /^(False False False\n)*$/);
  });

  test("writer: a program cannot change what the next one imports", async () => {
    const change = "import os, writer\nfor f in (lambda: open(writer.__file__, 'w').write('value = 1')), (lambda: os.unlink(writer.__file__)), (lambda: os.rename('/packages', '/tmp/p')), (lambda: os.chmod(writer.__file__, 0o777)), (lambda: open(os.path.dirname(writer.__file__) + '/new.py', 'w')), (lambda: open(writer.__cached__, 'w').write('x')), (lambda: os.utime(writer.__file__)):\n  try: f(); print('changed')\n  except OSError: print('refused')";
    assert.equal((await withPackages("python", change, "writer")).stdout, "refused\n".repeat(7));
    assert.equal((await withPackages("python", "import writer; print(writer.value)", "writer")).stdout, "true\n");
  });

  test("two requests that differ in a NUL are not the same", async () => {
    await withPackages("python", "import writer", "writer", "pather");
    const response = await post(runner, JSON.stringify(job("python", "print(1)", { packages: ["pather\0writer"] })));
    assert.equal(response.status, 400);
  });

  for (const requirement of ["--index-url=http://127.0.0.1/", "-e .", "-r /etc/passwd", ""]) {
    test(`an option is no requirement: ${JSON.stringify(requirement)}`, async () => {
      assert.equal((await post(runner, JSON.stringify(job("python", "print(1)", { packages: [requirement] })))).status, 400);
    });
  }

  for (const requirement of ["git+https://example.com/x", "x @ file:///etc/passwd", "./main.py", "/etc/passwd", "x @ http://169.254.169.254/x.whl", "a b; c", "$(id)", "nothing-of-that-name"]) {
    test(`no package comes from ${JSON.stringify(requirement)}`, async () => {
      const report = await withPackages("python", "print('ran')", requirement);
      assert.equal(report.status, "install_failed", JSON.stringify(report));
      assert.equal(report.stdout, "");
    });
  }

  test("runs-scripts: no script of a Node package runs", async () => {
    const report = await withPackages("node", "console.log(require('runs-scripts'))", "runs-scripts");
    assert.equal(report.stdout, "false\n", report.stderr);
  });

  test("climbs: nothing of a Node package lies outside of it", async () => {
    const code = "const fs = require('fs'); console.log(['/tmp/climbed.js', '/packages/climbed.js', '/packages/node_modules/climbed.js', '/workspace/climbed.js', '/packages/node_modules/climbs/out'].filter(p => fs.existsSync(p)))";
    const report = await withPackages("node", code, "climbs");
    assert.ok(report.status === "install_failed" || report.stdout === "[]\n", JSON.stringify(report));
  });
});

test("after all that an honest run is right", () => honest(runner, 0));

test("after all that the runner starts again with the layers it has", async () => {
  await runner.end();
  await runner.restart();
  assert.equal((await withPackages("python", "import writer; print(writer.value)", "writer")).stdout, "true\n");
});
