//! `npm start` as a newcomer meets it: one command, an address, a call that works, and nothing left at the end.

import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { inRoot, own } from "../../scripts/setup/paths.mjs";
import { descendants, isAlive, type Known } from "../../scripts/setup/processes.mjs";
import type { RunResult } from "../harness/docle.ts";
import { processesWith } from "../harness/runner.ts";
import { InteractiveClient } from "../harness/interactive-client.ts";
import { until } from "../harness/until.ts";

// A state of its own, so that a Docle that runs in this checkout is left alone.
mkdirSync(join(own, "tmp"), { recursive: true });
const state = mkdtempSync(join(own, "tmp", "start-"));
after(() => rmSync(state, { recursive: true, force: true }));

/** Starts scripts/start.mjs and reads what it prints. */
function start(port: number, ...args: string[]) {
  const env = { ...process.env, PORT: `${port}`, DOCLE_STATE: state };
  const child = spawn(process.execPath, [inRoot("scripts", "start.mjs"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => void (output.text += text));
  started.push(child);
  return { child, output, ended: once(child, "close") as Promise<[number | null]> };
}

const started: ChildProcess[] = [];
after(() => started.forEach((child) => child.kill("SIGKILL")));

/**
 * A free port below those that the kernel gives to a process that asks for any. The parts of a start ask for some, and
 * one of them could get this port before the Worker listens on it.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** A start that has said that it serves, with all the processes that it consists of. */
async function ready(port: number) {
  const one = start(port);
  const welcomed = () => {
    assert.equal(one.child.exitCode, null, one.output.text);
    return one.output.text.includes("Ctrl-C stops it");
  };
  await until("the welcome", welcomed, 60);
  const key = one.output.text.match(/Development key: (\S+)/)?.[1] ?? "";
  return { ...one, key, url: `http://localhost:${port}`, processes: descendants(one.child.pid ?? 0) };
}

/** Resolves when no process of a start lives. */
async function nothingLives(processes: Known[]) {
  assert.ok(processes.length > 4, "a start consists of several processes");
  await until("no part of it", () => !processes.some(isAlive) && processesWith(state).length === 0);
}

test("the printed command runs a program, and Ctrl-C leaves nothing", async () => {
  const port = await freePort();
  const { child, output, ended, processes } = await ready(port);
  const curl = output.text.match(/curl \S+\/api\/run [^]*?\}'/)?.[0] ?? "";
  const { stdout } = await promisify(execFile)("bash", ["-c", curl.replace("curl", "curl -sS")]);
  assert.equal((JSON.parse(stdout) as RunResult).stdout, "42\n");
  child.kill("SIGINT");
  assert.deepEqual((await ended)[0], 0, output.text);
  await nothingLives(processes);
});

for (const signal of ["SIGTERM", "SIGHUP"] as const) {
  test(`${signal} leaves nothing either`, async () => {
    const { child, output, ended, processes } = await ready(await freePort());
    child.kill(signal);
    assert.deepEqual((await ended)[0], 0, output.text);
    await nothingLives(processes);
  });
}

describe("a part that dies stops the rest and says so", () => {
  const parts: [part: string, command: string, said: RegExp][] = [
    ["the runner", `${state}/runner`, /The runner ended with SIGKILL/],
    ["the Worker's process", "scripts/runtime/serve.mjs", /The Worker ended with SIGKILL/],
    ["the Workers runtime", "--socket-addr=entry=", /The Workers runtime ended\.[^]*The Worker ended with exit code 1/],
    ["the isolate tier", "scripts/isolates/serve.mjs", /The isolate tier ended with SIGKILL/],
  ];
  for (const [part, command, said] of parts) {
    test(part, async () => {
      const port = await freePort();
      const { output, ended, processes } = await ready(port);
      const marker = command.startsWith("--socket-addr") ? `:${port}` : command;
      const killed = processes.filter(({ commandLine }) => commandLine.includes(command) && commandLine.includes(marker));
      assert.ok(killed.length > 0, JSON.stringify(processes));
      for (const { pid } of killed) process.kill(pid, "SIGKILL");
      assert.equal((await ended)[0], 1);
      assert.match(output.text, said);
      await nothingLives(processes);
    });
  }
});

test("a start that is killed takes its parts along", async () => {
  const port = await freePort();
  const { child, ended, processes } = await ready(port);
  child.kill("SIGKILL");
  await ended;
  await nothingLives(processes);
});

describe("while it serves", () => {
  let service: Awaited<ReturnType<typeof ready>>;
  before(async () => void (service = await ready(await freePort())));
  after(async () => {
    service.child.kill("SIGTERM");
    await service.ended;
  });

  test("a magic link is printed, and works", async () => {
    const headers = { "content-type": "application/json" };
    const asked = await fetch(`${service.url}/auth/request`, { method: "POST", headers, body: '{"email":"ada@example.com"}' });
    assert.equal(asked.status, 200);
    const printed = () => service.output.text.match(/^(http\S+)\/auth\/verify\?token=([0-9a-f]{64})$/m);
    await until("the link", () => printed() !== null);
    const [, origin, token] = printed() ?? [];
    assert.equal(origin, service.url);
    const redeemed = await fetch(`${origin}/auth/verify`, { method: "POST", headers, body: JSON.stringify({ token }) });
    assert.equal(redeemed.status, 200, await redeemed.text());
  });

  test("the project of the printed key belongs to an account that can be signed in to, as often as one likes", async () => {
    const headers = { "content-type": "application/json" };
    const command = service.output.text.match(/curl (\S+\/auth\/request) .* -d '(.*)'/);
    assert.ok(command, service.output.text);
    const [, url = "", body = ""] = command;
    for (let times = 0; times < 8; times += 1) {
      const asked = await fetch(url, { method: "POST", headers, body });
      assert.equal(asked.status, 200, await asked.text());
    }
    const mails = async () => ((await (await fetch(`${service.url}/auth/outbox`)).json()) as { messages: { to: string; text: string }[] }).messages;
    let token: string | undefined;
    await until("the mail", async () => {
      token = (await mails()).find(({ to }) => to === JSON.parse(body).email)?.text.match(/token=([0-9a-f]{64})/)?.[1];
      return token !== undefined;
    });
    const redeemed = await fetch(`${service.url}/auth/verify`, { method: "POST", headers, body: JSON.stringify({ token }) });
    const cookie = redeemed.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const usage = await fetch(`${service.url}/api/projects/proj_dev/usage`, { headers: { cookie } });
    assert.equal(usage.status, 200, await usage.text());
  });

  describe("a client that goes away ends its run long before its limit, though the program is silent", () => {
    /** A program that says one word, and then nothing for a minute; its argument is how its process is found. */
    const silent = (marker: string) => ({ lang: "python", code: "import time\nprint('up', flush=True)\ntime.sleep(60)", args: [marker], policy: { timeoutMs: 30_000 } });

    /** Waits for the program to run, lets the client go, and waits for its process to end. */
    async function ends(marker: string, leave: () => void) {
      await until("the program to run", () => processesWith(marker).length > 0);
      leave();
      await until("the end of the program", () => processesWith(marker).length === 0);
    }
    for (const accept of ["application/json", "text/event-stream"]) {
      test(accept, async () => {
        const [marker, leaving] = [randomUUID(), new AbortController()];
        const headers = { authorization: `Bearer ${service.key}`, "content-type": "application/json", accept };
        const call = fetch(`${service.url}/api/run`, { method: "POST", headers, body: JSON.stringify(silent(marker)), signal: leaving.signal });
        const over = call.then((response) => response.text()).catch(() => "left");
        await ends(marker, () => leaving.abort());
        assert.equal(await over, "left");
      });
    }
    test("a WebSocket", async () => {
      const marker = randomUUID();
      const client = new InteractiveClient(service.url, service.key);
      await client.say(silent(marker));
      await client.hears("up");
      await ends(marker, () => client.leave());
    });
  });
});

test("a port in use is one sentence", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const taken = start(port);
  assert.equal((await taken.ended)[0], 1);
  assert.match(taken.output.text, /^\nPort \d+ is in use: .*\n$/);
  server.close();
});
