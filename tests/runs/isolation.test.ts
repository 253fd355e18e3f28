//! What a program cannot reach, seen from inside it.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Docle } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

const python = (code: string, rest: object = {}) => docle.run({ lang: "python", code, ...rest });

test("the environment holds nothing of the runner's", async () => {
  process.env.DOCLE_TEST_CANARY = "canary";
  const { stdout } = await python("import os; print(dict(os.environ)); print(open('/proc/self/environ').read())");
  assert.ok(!stdout.includes("canary") && !stdout.includes(docle.hidden().secret) && !stdout.includes("DOCLE_"), stdout);
});

test("the next run finds nothing of the last one", async () => {
  const leave = "import os\nfor d in ['/workspace', '/tmp', '/dev/shm', '/var/tmp']:\n  try: open(d + '/left', 'w').write('x')\n  except OSError: pass";
  assert.equal((await python(leave)).status, "success");
  const found = await python("import os\nprint([r for r, _, f in os.walk('/') if 'left' in f and not r.startswith('/proc')])", { policy: { timeoutMs: 30_000 } });
  assert.equal(found.stdout, "[]\n");
});

test("other processes cannot be seen", async () => {
  const { stdout } = await python("import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]))");
  assert.ok(Number(stdout) >= 1 && Number(stdout) <= 3, stdout);
});

test("there is no network by default, and no way to the runner", async () => {
  const address = new URL(docle.hidden().url);
  const connect = (host: string, port: string) => `
import socket
try:
  socket.create_connection(("${host}", ${port}), 2).close()
  print("connected")
except OSError as error:
  print("refused")`;
  assert.equal((await python(connect(address.hostname, address.port))).stdout, "refused\n");
  assert.equal((await python(connect("1.1.1.1", "443"))).stdout, "refused\n");
  const allowed = { policy: { allowNetwork: true, timeoutMs: 10_000 } };
  assert.equal((await python(connect(address.hostname, address.port), allowed)).stdout, "refused\n");
  assert.equal((await python(connect("169.254.169.254", "80"), allowed)).stdout, "refused\n");
});

test("a fork bomb ends with its run, and the next run works", async () => {
  const bomb = await python("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", { policy: { timeoutMs: 1_000 } });
  assert.notEqual(bomb.status, "success");
  assert.equal((await python("print(1)")).stdout, "1\n");
});

test("a program is not root and cannot become it", async () => {
  const { stdout } = await python("import os\nprint(os.getuid() == 0, os.access('/etc', os.W_OK))\ntry: os.setuid(0); print('root')\nexcept OSError: print('no')");
  assert.equal(stdout, "False False\nno\n");
});
