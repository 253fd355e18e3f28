//! `npm start` as a newcomer meets it: one command, an address, a call that works, and nothing left at the end.

import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { inRoot, own } from "../scripts/setup/paths.mjs";
import type { RunResult } from "./harness/docle.ts";
import { processesWith } from "./harness/runner.ts";
import { until } from "./harness/until.ts";

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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether parts of a start still live: the state's path is in the command lines of both. */
const partsLive = () => processesWith(state).length > 0;

async function ready(port: number) {
  const one = start(port);
  const welcomed = () => {
    assert.equal(one.child.exitCode, null, one.output.text);
    return one.output.text.includes("Ctrl-C stops it");
  };
  await until("the welcome", welcomed, 60);
  return one;
}

test("the printed command runs a program, and Ctrl-C leaves nothing", async () => {
  const port = await freePort();
  const { child, output, ended } = await ready(port);
  const curl = output.text.match(/curl \S+\/api\/run [^]*?\}'/)?.[0] ?? "";
  const { stdout } = await promisify(execFile)("bash", ["-c", curl.replace("curl", "curl -sS")]);
  assert.equal((JSON.parse(stdout) as RunResult).stdout, "42\n");
  child.kill("SIGINT");
  assert.deepEqual((await ended)[0], 0, output.text);
  await until("no part of it", () => !partsLive());
});

test("a part that dies stops the rest and says so", async () => {
  const port = await freePort();
  const { output, ended } = await ready(port);
  for (const pid of processesWith(`${state}/runner`)) process.kill(pid, "SIGKILL");
  assert.equal((await ended)[0], 1);
  assert.match(output.text, /The runner ended with SIGKILL/);
  await until("no part of it", () => !partsLive());
});

test("a start that is killed takes its parts along", async () => {
  const port = await freePort();
  const { child, ended } = await ready(port);
  child.kill("SIGKILL");
  await ended;
  await until("no part of it", () => !partsLive());
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
