//! Sessions as their users meet them: the real runner behind the real Worker.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { json, type Json, sandboxApi } from "../harness/sandbox-api.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);

const exec = async (sandbox: string, command: string, more: Json = {}) => json(200, await call("POST", `${sandbox}/exec`, { command, session: "main", ...more }));

describe("sessions", { timeout: 120_000 }, () => {
  test("a session keeps what its commands set, and a command without one does not", async () => {
    const sandbox = await create();
    await exec(sandbox, "mkdir a; cd a; export A=1; f() { echo f; }");
    const next = await exec(sandbox, "pwd; echo $A; f; exit_code() { return 3; }; exit_code");
    assert.deepEqual([next.stdout, next.exitCode, next.session], ["/workspace/a\n1\nf\n", 3, { id: "main", restarted: false, ended: false }]);
    const apart = await json(200, await call("POST", `${sandbox}/exec`, { command: "pwd; echo [$A]" }));
    assert.deepEqual([apart.stdout, apart.session], ["/workspace\n[]\n", undefined]);
    const events = await (await call("POST", `${sandbox}/exec`, { command: "echo $A", session: "main" }, { accept: "text/event-stream" })).text();
    assert.match(events, /"type":"stdout","data":"1\\n"[^]*event: complete\n.*"session":\{"id":"main","restarted":false,"ended":false\}/);
    const { executions } = await json(200, await call("GET", `${sandbox}/executions`));
    assert.equal(executions.length, 4);
  });

  test("a session that ends says so, also after a reset of the object and after sleep", async () => {
    const sandbox = await create();
    await exec(sandbox, "A=1");
    await docle.worker.reset();
    assert.equal((await exec(sandbox, "echo $A")).stdout, "1\n");
    assert.deepEqual((await exec(sandbox, "exit 7")).session, { id: "main", restarted: false, ended: true });
    assert.deepEqual((await exec(sandbox, "A=2")).session, { id: "main", restarted: true, ended: false });
    const late = await exec(sandbox, "echo a; sleep 30", { timeoutMs: 300 });
    assert.deepEqual([late.timedOut, late.exitCode, late.stdout, late.session.ended], [true, 124, "a\n", true]);
    await json(200, await call("POST", `${sandbox}/sleep`));
    assert.deepEqual((await json(200, await call("GET", `${sandbox}/sessions`))).sessions.map(({ id }: Json) => id), ["main"]);
    assert.equal((await exec(sandbox, "echo [$A]")).session.restarted, true);
  });

  test("sessions are made, listed and deleted", async () => {
    const sandbox = await create();
    const made = await json(201, await call("POST", `${sandbox}/sessions`, { id: "main", cwd: "/home/user", env: { SECRET: "s" } }));
    assert.deepEqual([made.id, made.cwd, made.env_names, "env" in made], ["main", "/home/user", ["SECRET"], false]);
    assert.match((await json(201, await call("POST", `${sandbox}/sessions`))).id, /^session_/);
    assert.equal((await problem(409, await call("POST", `${sandbox}/sessions`, { id: "main" }))).code, "sandbox_session_exists");
    assert.equal((await problem(400, await call("POST", `${sandbox}/sessions`, { id: " " }))).errors?.[0]?.field, "id");
    assert.equal((await problem(400, await call("POST", `${sandbox}/exec`, { command: "ls", session: "" }))).errors?.[0]?.field, "session");
    assert.equal((await problem(400, await call("POST", `${sandbox}/exec`, { command: "ls", session: "a", env: { "a-b": "1" } }))).errors?.[0]?.field, "env.a-b");
    assert.equal((await exec(sandbox, "pwd; echo $SECRET")).stdout, "/home/user\ns\n");
    assert.equal((await exec(sandbox, "pwd; echo $SECRET", { cwd: "/tmp", env: { SECRET: "own" } })).stdout, "/tmp\nown\n");
    const running = exec(sandbox, "touch /workspace/begun; sleep 300");
    await until("it runs", async () => (await json(200, await call("POST", `${sandbox}/exec`, { command: "ls" }))).stdout.includes("begun"));
    assert.equal((await call("DELETE", `${sandbox}/sessions/main`)).status, 204);
    assert.deepEqual([(await running).status, (await running).session.ended], ["killed", true]);
    assert.equal((await problem(404, await call("DELETE", `${sandbox}/sessions/main`))).code, "sandbox_session_not_found");
    assert.deepEqual((await exec(sandbox, "pwd; echo [$SECRET]")).stdout, "/workspace\n[]\n");
  });
});
