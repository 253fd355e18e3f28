// The kernel's private socket to the runner. A thread of its own reads and writes it, so that an interrupt arrives while the
// main thread computes, and the main thread can wait for an answer.
"use strict";
const { Worker } = require("node:worker_threads");
const inspector = require("node:inspector");
const util = require("node:util");
const nodeModule = require("node:module");
const { processTopLevelAwait } = require("internal/repl/await");

// What a cell puts in the place of these is not for the kernel.
const { Array, Atomics, BigInt, Buffer, Error, Int32Array, JSON, Map, Math, Number, Object, Promise, SharedArrayBuffer, String, process, setImmediate } = globalThis;

const SOCKET = 9;
/** What both threads see: the last number that was acknowledged, and how many interrupts the main thread has seen. */
const shared = new Int32Array(new SharedArrayBuffer(8));

const worker = new Worker(
  `
  const { parentPort, workerData: shared } = require("node:worker_threads");
  const { Session } = require("node:inspector");
  const socket = new (require("node:net").Socket)({ fd: ${SOCKET}, readable: true, writable: true });
  let interrupts = 0;
  /** The number of the last cell that came. An interrupt is for the cell before it alone. */
  let cells = 0;
  let rest = [];
  /** Orders that wait while JavaScript is being ended in the main thread: it might end what carries them out. */
  let held;
  const pass = (order) => (held ? held.push(order) : parentPort.postMessage(order));
  const end = (number, cell) => {
    if (held || cell !== cells || Atomics.load(shared, 1) >= number) return;
    held = [{ type: "interrupt", number, cell }];
    const main = new Session();
    main.connectToMainThread();
    main.post("Runtime.terminateExecution", () => {
      main.disconnect();
      const orders = held;
      held = undefined;
      orders.forEach(pass);
    });
    // Where nothing runs, this is what is ended.
    parentPort.postMessage({ type: "wake" });
  };
  const take = (line) => {
    const order = JSON.parse(line);
    if (order.type === "ack") {
      Atomics.store(shared, 0, order.number);
      Atomics.notify(shared, 0);
    } else if (order.type === "interrupt") {
      const number = ++interrupts;
      pass({ type: "interrupt", number, cell: cells });
      // As Ctrl-C does it: also for what the cell has started and waits for.
      try { process.kill(0, "SIGINT"); } catch {}
      setTimeout(end, 200, number, cells);
    } else {
      cells += 1;
      pass(order);
    }
  };
  socket.on("data", (piece) => {
    let from = 0;
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, from)) {
      rest.push(piece.subarray(from, at));
      from = at + 1;
      const line = Buffer.concat(rest).toString();
      rest = [];
      take(line);
    }
    rest.push(piece.subarray(from));
  });
  const leave = () => process.kill(process.pid, "SIGKILL");
  socket.on("end", leave);
  socket.on("error", leave);
  parentPort.on("message", (line) => socket.write(line));
  `,
  { eval: true, workerData: shared, stdout: false, stderr: false },
);

let sent = 0;

/** Sends a message. */
function send(message) {
  worker.postMessage(`${JSON.stringify(message)}\n`);
}

/** Sends a message, and waits until the runner has read all output that was written before. */
function sendInOrder(message) {
  const number = ++sent;
  send({ ...message, number });
  for (let seen = Atomics.load(shared, 0); seen < number; seen = Atomics.load(shared, 0)) Atomics.wait(shared, 0, seen);
}

/** What is written first is read first, also where both streams are written to. */
let lastStream;
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write;
  stream.write = function (...given) {
    if (lastStream !== stream) {
      if (lastStream !== undefined) sendInOrder({ type: "sync" });
      lastStream = stream;
    }
    return write.apply(stream, given);
  };
}
