//! Terminals of a sandbox, as the Worker's object connects to them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PROTOCOL } from "../../harness/jobs.ts";
import { PreviewSocket, type Frame } from "../../harness/preview.ts";
import type { Runner } from "../../harness/runner.ts";
import { RunnerSandbox } from "../../harness/sandboxes.ts";

const JOB = { cwd: "", env: {}, cols: 80, rows: 24, isView: false, endsWithViewers: false };

function attach(sandbox: RunnerSandbox, name: string, job: object = {}): Promise<PreviewSocket> {
  const headers = { authorization: `Bearer ${sandbox.runner.secret}`, "docle-protocol": PROTOCOL, "docle-terminal": JSON.stringify({ ...JOB, ...job }) };
  return PreviewSocket.open(`${sandbox.runner.url}/v1/sandboxes/${sandbox.id}/terminals/${name}`, headers);
}

/** Everything up to the end of a connection. */
async function rest(socket: PreviewSocket): Promise<{ output: string; frames: Frame[] }> {
  const frames: Frame[] = [];
  for (let frame = await socket.next(); frame; frame = await socket.next()) {
    frames.push(frame);
    if (frame.kind === "close") break;
  }
  return { output: frames.map((frame) => (frame.kind === "binary" ? frame.bytes.toString() : "")).join(""), frames };
}

export function terminals(runner: Runner): void {
  describe("terminals of a sandbox", { timeout: 60_000 }, () => {
    let sandbox: RunnerSandbox;
    before(async () => (sandbox = await RunnerSandbox.create(runner)));
    after(() => sandbox.delete());

    test("a terminal is the user's own, and controls its shell", async () => {
      const socket = await attach(sandbox, "own", { cwd: "/tmp", env: { A: "1" } });
      socket.send(Buffer.from("stat -c %U:%a $(tty); : < /dev/tty && echo con''trols; pwd; echo $A; exit 4\n"));
      const { output, frames } = await rest(socket);
      assert.match(output, /\r\n?user:600\r\ncontrols\r\n\/tmp\r\n1\r\n/);
      assert.deepEqual(frames.slice(-2), [
        { kind: "text", text: '{"type":"exit","code":4,"signal":null}' },
        { kind: "close", code: 1000, reason: "" },
      ]);
    });

    test("a directory that is not there is an error before anything starts, and so is a thirteenth terminal", async () => {
      await assert.rejects(attach(sandbox, "nowhere", { cwd: "/nowhere" }), /422/);
      const open = await Promise.all(Array.from({ length: 12 }, (_, number) => attach(sandbox, `many-${number}`)));
      await assert.rejects(attach(sandbox, "one-more"), /422/);
      const again = await attach(sandbox, "many-0");
      for (const socket of [...open, again]) socket.destroy();
    });

    test("terminals end with their sandbox", async () => {
      const other = await RunnerSandbox.create(runner);
      const socket = await attach(other, "a");
      await socket.next();
      await other.delete();
      const { frames } = await rest(socket);
      const last = frames.at(-1);
      assert(last === undefined || last.kind === "close", JSON.stringify(last));
    });
  });
}
