//! What a room costs: round trips, deliveries, memory and waking up, with clients in this process on the same cores.
//!
//! `node scripts/bench/rooms.ts` measures rooms alone; the benchmark has the same lines.

import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import * as Y from "yjs";
import { Platform } from "../../tests/harness/platform.ts";
import { openRoom, YjsPerson } from "../../tests/harness/rooms.ts";
import { until } from "../../tests/harness/until.ts";
import type { Worker } from "../../tests/harness/worker.ts";
import { round } from "./measure.ts";

const at = (times: number[], share: number) => round(times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN);

/** A socket that does with Yjs what it must, and no more: a hundred stock clients would keep this process busy. */
class Typist {
  readonly doc = new Y.Doc();
  readonly socket: WebSocket;
  updates = 0;
  onUpdate: () => void = () => undefined;

  constructor(url: string, room: string) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}/collab/${room}/yjs`);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", ({ data }) => {
      const frame = new Uint8Array(data as ArrayBuffer);
      if (frame[0] !== 0 || frame[1] !== 2) return;
      this.updates += 1;
      this.onUpdate();
    });
  }

  /** Sends a letter as an update of a document that no other client has. */
  type(): void {
    let update: Uint8Array = new Uint8Array();
    const keep = (made: Uint8Array) => void (update = made);
    this.doc.on("update", keep);
    const text = this.doc.getText("code");
    text.insert(text.length, "x");
    this.doc.off("update", keep);
    this.socket.send(new Uint8Array([0, 2, ...length(update.length), ...update]));
  }
}

/** A length as Yjs encodes it. */
function length(number: number): number[] {
  return number < 128 ? [number] : [(number % 128) + 128, ...length(Math.floor(number / 128))];
}

async function typists(url: string, room: string, count: number): Promise<Typist[]> {
  const all = Array.from({ length: count }, () => new Typist(url, room));
  await until("everybody to be in", () => all.every(({ socket }) => socket.readyState === WebSocket.OPEN), 60);
  return all;
}

/** From one's sending to each other's hearing. */
async function deliveries(url: string, count: number, n: number): Promise<number[]> {
  const all = await typists(url, await openRoom(url), count);
  const [first, ...others] = all as [Typist, ...Typist[]];
  const times: number[] = [];
  for (let turn = 0; turn < n; turn++) {
    const begun = performance.now();
    const heard = Promise.all(others.map((other) => new Promise<void>((resolve) => {
      other.onUpdate = () => {
        if (turn >= 10) times.push(performance.now() - begun);
        resolve();
      };
    })));
    first.type();
    await heard;
    // Below the limit of messages a second, and time for what follows a message.
    await pause(20);
  }
  all.forEach(({ socket }) => socket.close());
  return times;
}

/** A hundred people who type twice a second. */
async function crowd(url: string): Promise<{ perSecond: number; heard: number; expected: number }> {
  const [people, letters] = [100, 20];
  const all = await typists(url, await openRoom(url), people);
  const expected = people * letters * (people - 1);
  const heard = () => all.reduce((sum, { updates }) => sum + updates, 0);
  const begun = performance.now();
  await Promise.all(all.map(async (typist, index) => {
    await pause(index * 5);
    for (let letter = 0; letter < letters; letter++) {
      typist.type();
      await pause(500);
    }
  }));
  await until("every delivery", () => heard() >= expected, 120).catch(() => undefined);
  const perSecond = Math.round((heard() * 1_000) / (performance.now() - begun));
  all.forEach(({ socket }) => socket.close());
  return { perSecond, heard: heard(), expected };
}

const residentKb = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

/** Rooms with 100 kB of text, of 10,000 edits: what each takes in memory, and how long it takes to wake up. */
async function large(worker: Worker, count: number): Promise<{ kB: number; cold: number[]; warm: number[]; stored: number }> {
  const doc = new Y.Doc();
  const text = doc.getText("code");
  let state = 1;
  const dice = (limit: number) => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % Math.max(1, limit);
  for (let edit = 0; edit < 10_000; edit++) {
    if (dice(5) === 0 && text.length > 100) text.delete(dice(text.length - 10), 1 + dice(8));
    else text.insert(dice(text.length), "some code\n".repeat(1 + dice(2)));
  }
  if (text.length > 100_000) text.delete(100_000, text.length - 100_000);
  const update = Y.encodeStateAsUpdate(doc);
  const rooms = await Promise.all(Array.from({ length: count }, () => openRoom(worker.url)));
  const read = async (room: string) => {
    const begun = performance.now();
    const { code } = (await (await fetch(`${worker.url}/collab/${room}/state`)).json()) as { code: string };
    if (code.length !== text.length) throw new Error(`a room has ${code.length} characters`);
    return performance.now() - begun;
  };
  const [pid = 0] = worker.pids;
  const before = residentKb(pid);
  for (const room of rooms) {
    const person = await new YjsPerson(worker.url, room).synced();
    Y.applyUpdate(person.doc, update);
    await until("the text to arrive", async () => ((await (await fetch(`${worker.url}/collab/${room}/state`)).json()) as { code: string }).code.length === text.length, 60);
    person.leave();
  }
  const kB = Math.round((residentKb(pid) - before) / count);
  const [cold, warm]: [number[], number[]] = [[], []];
  for (const room of rooms) {
    await worker.evict("Room", `room:${room}`);
    cold.push(await read(room));
    warm.push(await read(room));
  }
  return { kB, cold, warm, stored: update.length };
}

/** The lines of the benchmark about rooms. */
export async function measureRooms(worker: Worker): Promise<string[]> {
  const [two, fifty] = [await deliveries(worker.url, 2, 300), await deliveries(worker.url, 50, 110)];
  const { perSecond, heard, expected } = await crowd(worker.url);
  const { kB, cold, warm, stored } = await large(worker, 10);
  return [
    "",
    "| rooms | p50 ms | p99 ms |",
    "|---|---:|---:|",
    `| from typing to the other one, 2 clients | ${at(two, 0.5)} | ${at(two, 0.99)} |`,
    `| from typing to each of the others, 50 clients | ${at(fifty, 0.5)} | ${at(fifty, 0.99)} |`,
    `| reading 100 kB of 10,000 edits from a room in memory | ${at(warm, 0.5)} | ${at(warm, 0.99)} |`,
    `| the same after hibernation | ${at(cold, 0.5)} | ${at(cold, 0.99)} |`,
    "",
    `* 100 clients that type twice a second: ${perSecond} deliveries a second; ${heard} of ${expected} arrived.`,
    `* A document of 100 kB and 10,000 edits (${Math.round(stored / 1_024)} KiB stored) takes about ${kB} kB of the runtime's memory.`,
    "",
  ];
}

if (process.argv[1] === import.meta.filename) {
  const docle = await Platform.start();
  try {
    process.stdout.write(`${(await measureRooms(docle.worker)).join("\n")}\n`);
  } finally {
    await docle.stop();
  }
}
