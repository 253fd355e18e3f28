//! Runs scripts on this machine, in a few processes of the isolate Worker, and kills a process that does not answer any
//! more or takes too much memory, as the platform does in production.
//!
//! The local runtime cannot interrupt a script. Scripts look at the clock themselves (crates/script/src/meter.rs), but a
//! single operation that takes for ever stops a whole process, and every script in it. Then the supervisor kills the
//! process, answers the calls of its scripts with what it knows, and starts a new process.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, createServer, request as send } from "node:http";
import { availableParallelism } from "node:os";
import { startRuntime } from "./runtime.mjs";

/** What a script may take beyond its limit until it counts as stuck: the Worker's own grace, and time for the rest. */
const GRACE_MS = 1_000;
/** How often the supervisor reads the memory of each process. */
const LOOK_MS = 50;
/** Memory at which a process is killed with all scripts in it. An isolate of its own has 128 MB in production. */
const MAX_BYTES = 1_024 * 1_048_576;
/** Memory at which a process takes no new scripts, and ends when its last one has: ended isolates leave memory behind. */
const RETIRE_BYTES = 400 * 1_048_576;
const PAGE_BYTES = 4_096;

/**
 * @typedef {{ runtime: import("./runtime.mjs").Runtime, calls: Set<Call>, retired: boolean, killed: string | undefined }} Process
 * @typedef {{ timeoutMs: number, deadline: number }} Call
 * @typedef {import("./runtime.mjs").Database} Database
 * @typedef {{ url: string, pids: () => number[], databases: (binding: string) => Promise<Database[]>, stop: () => Promise<void> }} Supervisor
 */

/** Starts the processes. @param {import("./runtime.mjs").Surroundings} surroundings @param {number} [port] @returns {Promise<Supervisor>} */
export async function startIsolates(surroundings, port = 0) {
  const agent = new Agent({ keepAlive: true });
  /** @type {Set<Process>} */
  const processes = new Set();
  /** @type {Set<Promise<unknown>>} */
  const starting = new Set();
  let stopping = false;

  const start = async () => {
    const process = { runtime: await startRuntime(surroundings), calls: new Set(), retired: false, killed: undefined };
    if (stopping) return process.runtime.stop();
    processes.add(process);
  };
  // In turn, because each start finds its process by comparing the processes before and after.
  let last = Promise.resolve();
  const replace = () => {
    const started = last.then(start).finally(() => starting.delete(started));
    last = started;
    starting.add(started);
    return started;
  };

  /** Takes a process away from new calls. @param {Process} process */
  const retire = (process) => {
    if (process.retired) return;
    process.retired = true;
    void replace();
  };
  /** @param {Process} process */
  const end = async (process) => {
    processes.delete(process);
    await process.runtime.stop();
  };
  /** @param {Process} process @param {string} why */
  const kill = (process, why) => {
    if (process.killed !== undefined) return;
    process.killed = why;
    retire(process);
    try {
      globalThis.process.kill(process.runtime.pid, "SIGKILL");
    } catch {
      // The process has ended already.
    }
    void end(process);
  };

  const watch = setInterval(() => {
    for (const process of processes) {
      const bytes = memory(process.runtime.pid);
      if (bytes > MAX_BYTES) kill(process, "memory");
      else if (bytes > RETIRE_BYTES) retire(process);
      // The last of its scripts decides: until then, one that may take long could still be working.
      const deadline = Math.max(...[...process.calls].map((call) => call.deadline));
      if (process.calls.size > 0 && Date.now() > deadline) kill(process, "timeout");
      if (process.retired && process.calls.size === 0) void end(process);
    }
  }, LOOK_MS);

  /** The process with the fewest calls, and one where none is late before one that may be stuck. @returns {Promise<Process>} */
  const choose = async () => {
    for (;;) {
      const free = [...processes].filter((process) => !process.retired).sort((one, other) => late(one) - late(other) || one.calls.size - other.calls.size);
      if (free[0] !== undefined) return free[0];
      await Promise.race(starting);
    }
  };

  const server = createServer(async (request, response) => {
    const body = await request.toArray().then(Buffer.concat, () => undefined);
    // A client that disconnects before its request is complete waits for no answer.
    if (body === undefined) return void response.destroy();
    const timeoutMs = limitOf(body);
    const process = await choose();
    const call = { timeoutMs, deadline: Date.now() + timeoutMs + GRACE_MS };
    process.calls.add(call);
    try {
      const { url, method, headers } = request;
      const { authorization = "" } = headers;
      const onward = send(process.runtime.url + url, { method, headers: { authorization, "content-type": "application/json" }, agent });
      onward.end(body);
      const [answer] = /** @type {[import("node:http").IncomingMessage]} */ (await once(onward, "response"));
      const answered = Buffer.concat(await answer.toArray());
      response.writeHead(answer.statusCode ?? 500, { "content-type": answer.headers["content-type"] ?? "application/json" }).end(answered);
    } catch {
      // The process is gone: killed above, or crashed, which V8 does where a script's heap is full.
      kill(process, "memory");
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(lost(process, call)));
    } finally {
      process.calls.delete(call);
    }
  });
  server.keepAliveTimeout = 60_000;

  await Promise.all(Array.from({ length: Math.min(4, Math.max(2, availableParallelism())) }, replace));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}`,
    pids: () => [...processes].map((process) => process.runtime.pid),
    databases: (binding) => Promise.all([...processes].map((process) => process.runtime.database(binding))),
    stop: async () => {
      stopping = true;
      clearInterval(watch);
      server.closeAllConnections();
      server.close();
      await last;
      await Promise.all([...processes].map(end));
      agent.destroy();
    },
  };
}

/** How long the script in a call may take; calls without one take no time. @param {Buffer} body @returns {number} */
function limitOf(body) {
  try {
    return Number(JSON.parse(body.toString()).timeoutMs) || 0;
  } catch {
    return 0;
  }
}

/** Memory that a process holds, in bytes; 0 where it is gone. @param {number} pid */
function memory(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

/** How many calls of a process should have been answered. @param {Process} process */
function late(process) {
  return [...process.calls].filter((call) => Date.now() > call.deadline).length;
}

/** The report of a script whose process ended under it: crates/protocol/src/isolate.rs. @param {Process} process @param {Call} call */
function lost(process, call) {
  const overdue = Date.now() > call.deadline;
  const alone = process.calls.size === 1;
  const [status, exitCode, name, message] =
    process.killed === "memory" && alone
      ? ["memory", 137, "MemoryError", "The script needed more memory than there is for one."]
      : overdue
        ? ["timeout", 124, "TimeoutError", `The script did not end within ${call.timeoutMs} ms, its config.timeout.`]
        : ["system", 1, "SystemError", "The local runtime ended because of a script that ran beside this one."];
  const durationMs = Math.round(call.timeoutMs + GRACE_MS - (call.deadline - Date.now()));
  return {
    ...{ status, exitCode, signal: null, stdout: "", stderr: `${name}: ${message}\n`, truncated: { stdout: false, stderr: false } },
    usage: { cpuMs: null, memMB: null, durationMs, queueMs: 0, installMs: 0, blockedConnections: 0 },
    ...{ success: false, result: null, logs: [], error: { name, message, stack: null, line: null, column: null }, executionTime: durationMs },
  };
}
