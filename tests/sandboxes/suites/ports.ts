//! Requests to what listens in a sandbox, as the Worker's object sends them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RunnerProcesses } from "../../harness/processes.ts";
import type { Runner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";

interface Head {
  status: number;
  headers: [string, string][];
}

/** A server that says what it was sent, and what it sends on. */
const ECHO = "import http.server\nclass H(http.server.BaseHTTPRequestHandler):\n  def do_POST(self):\n    body = self.rfile.read(int(self.headers['content-length'] or 0))\n    self.send_response(201, 'Made'); self.send_header('X-Bytes', 'caf\\xe9'); self.end_headers(); self.wfile.write(self.requestline.encode() + b' ' + body)\n  def log_message(self, *_): pass\nhttp.server.ThreadingHTTPServer(('127.0.0.1', 8000), H).serve_forever()";

async function send(sandbox: RunnerSandbox, port: number, head: unknown, body = ""): Promise<{ status: number; head: Head | undefined; text: string }> {
  const response = await sandbox.request("POST", `/ports/${port}`, body, { headers: { "docle-head": JSON.stringify(head).replaceAll("€", "\\u20ac") } });
  const told = response.headers.get("docle-head");
  return { status: response.status, head: told === null ? undefined : (JSON.parse(told) as Head), text: await response.text() };
}

export function ports(runner: Runner): void {
  describe("ports of a sandbox", { timeout: 60_000 }, () => {
    let sandbox: RunnerSandbox;
    const head = { method: "POST", target: "/a?b", headers: [["host", "h"], ["content-length", "4"]], hasBody: true };
    before(async () => {
      sandbox = await RunnerSandbox.create(runner);
      const all = new RunnerProcesses(sandbox);
      const { id } = await all.start(`python3 -c "${ECHO.replaceAll("\\xe9", "\\\\xe9")}"`);
      assert.equal((await all.wait(id, { for: "port", port: 8000 })).outcome, "listening");
    });
    after(() => sandbox.delete());

    test("a request reaches the program, and its answer comes back byte by byte", async () => {
      const answer = await send(sandbox, 8000, head, "body");
      assert.deepEqual([answer.status, answer.head?.status, answer.text], [200, 201, "POST /a?b HTTP/1.1 body"]);
      assert.deepEqual(answer.head?.headers.find(([name]) => name === "x-bytes"), ["x-bytes", "café"]);
    });

    test("programs that end the workers of their sandbox do not take its ports away", async () => {
      for (let round = 0; round < 3; round++) {
        await sandbox.exec("for p in /proc/[0-9]*; do p=${p#/proc/}; grep -qs http.server /proc/$p/cmdline || [ $p = $$ ] || kill -9 $p; done");
        assert.equal((await send(sandbox, 8000, head, "body")).head?.status, 201);
      }
    });

    test("a port of another sandbox, of the runner or of the machine is not reached", async () => {
      const other = await RunnerSandbox.create(runner);
      for (const port of [8000, Number(new URL(runner.url).port)]) {
        const answer = await send(other, port, head, "body");
        assert.deepEqual([answer.status, (JSON.parse(answer.text) as { code: string }).code], [422, "not_listening"]);
      }
      await other.delete();
    });

    test("a head that is no request is refused before anything is connected", async () => {
      for (const wrong of [{}, { ...head, target: "a" }, { ...head, target: "http://a/" }, { ...head, method: "A B" }, { ...head, headers: [["a b", ""]] }, { ...head, headers: [["a", "b\r\nc: d"]] }, { ...head, headers: [["a", "€"]] }]) {
        assert.equal((await send(sandbox, 8000, wrong, "body")).status, 400, JSON.stringify(wrong));
      }
      for (const port of ["0x50", "65536", "-1", "a"]) {
        assert.equal((await sandbox.request("POST", `/ports/${port}`, "", { headers: { "docle-head": JSON.stringify(head) } })).status, 400, port);
      }
    });
  });
}
