//! The limits of a room, and their close codes.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, Platform } from "../harness/platform.ts";
import { everybodyLeaves, JsonPerson, openRoom, YjsPerson, type OwnedRoom } from "../harness/rooms.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
const { url, key } = docle.worker;
after(() => docle.stop());
after(everybodyLeaves);

/** A socket for handwritten Yjs frames. */
async function raw(room: string): Promise<{ socket: WebSocket; closed: () => { code: number; reason: string } | undefined }> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/collab/${room}/yjs`);
  let closed: { code: number; reason: string } | undefined;
  socket.addEventListener("close", ({ code, reason }) => void (closed = { code, reason }));
  // A full room closes the socket right after it has opened.
  await until("a socket to open", () => socket.readyState !== WebSocket.CONNECTING, 60);
  return { socket, closed: () => closed };
}

async function closes(room: string, code: number, ...frames: (Uint8Array<ArrayBuffer> | string)[]): Promise<void> {
  const { socket, closed } = await raw(room);
  for (const frame of frames) socket.send(frame);
  await until(`a close with ${code}`, () => closed() !== undefined, 60);
  assert.equal(closed()?.code, code, closed()?.reason);
  assert.ok(closed()?.reason, "the close has a reason");
}

test("hostile frames close their own connection only", async () => {
  const room = await openRoom(url);
  const ada = await new YjsPerson(url, room).synced();
  ada.type(0, "kept");
  await closes(room, 4413, new Uint8Array(2 * 1024 * 1024 + 64 * 1024 + 1));
  await closes(room, 4400, new Uint8Array([0, 2, 1, 255]));
  await closes(room, 4400, new Uint8Array([]));
  await closes(room, 4400, "text");
  // An update that claims a billion structs, and one whose text has a parent that is a text.
  await closes(room, 4400, new Uint8Array([0, 2, 7, 1, 255, 255, 255, 255, 3, 1]));
  const presence = `"${"x".repeat(4_200)}"`;
  await closes(room, 4431, new Uint8Array([1, ...length(presence.length + 5), 1, 1, 1, ...length(presence.length), ...Buffer.from(presence)]));
  ada.type(4, " on");
  const bob = await new YjsPerson(url, room).synced();
  assert.equal(bob.code, "kept on");
  assert.equal(ada.connections, 1);
  [ada, bob].forEach((person) => person.leave());
});

/** A length as Yjs encodes it. */
function length(number: number): number[] {
  return number < 128 ? [number] : [(number % 128) + 128, ...length(Math.floor(number / 128))];
}

test("a connection that sends too fast is closed, and reconnects without loss", async () => {
  const room = await openRoom(url);
  await closes(room, 4529, ...Array.from({ length: 200 }, () => new Uint8Array([3])));
  const [ada, bob] = await Promise.all([new YjsPerson(url, room).synced(), new YjsPerson(url, room).synced()]);
  for (let letter = 0; letter < 300; letter++) ada.type(ada.code.length, "x");
  await until("all letters", () => bob.code.length === 300, 60);
  [ada, bob].forEach((person) => person.leave());
});

test("a text has at most 1 MiB in both protocols", async () => {
  const room = await openRoom(url);
  const ada = await new JsonPerson(url, room).greeted();
  ada.sends("x".repeat(1_000_000));
  ada.sends("x".repeat(1_000_000) + "y".repeat(48_000));
  const bob = await new YjsPerson(url, room).synced();
  await until("the text", () => bob.code.length === 1_048_000, 60);
  bob.type(0, "z".repeat(2_000));
  await until("the refusal", () => bob.closed !== undefined, 60);
  assert.equal(bob.closed?.code, 4413);
  [ada, bob].forEach((person) => person.leave());
});

test("a room has at most a hundred connections", async () => {
  const room = await openRoom(url);
  const people = await Promise.all(Array.from({ length: 100 }, () => raw(room)));
  await closes(room, 4503);
  assert.ok(people.every(({ closed }) => closed() === undefined));
  people[0]?.socket.close();
  await until("a connection to become free", async () => {
    const next = new YjsPerson(url, room);
    await until("an answer", () => next.provider.synced || next.closed !== undefined, 60);
    const isIn = next.provider.synced;
    next.leave();
    return isIn;
  });
  people.forEach(({ socket }) => socket.close());
});

test("a silent connection ends with its token", { timeout: 180_000 }, async () => {
  const headers = { authorization: `Bearer ${key}` };
  const room = (await json(201, await docle.send("/api/rooms", {}, headers))) as OwnedRoom;
  // The shortest possible lifetime of a token; only the clock ends it.
  const { token } = await json(201, await docle.send(`/api/rooms/${room.id}/tokens`, { role: "viewer", ttlSeconds: 60 }, headers));
  const viewer = await new JsonPerson(url, room.id, { token }).greeted();
  const owner = await new JsonPerson(url, room.id, { token: room.token }).greeted();
  // Nobody sends anything.
  await until("the viewer to be disconnected", () => viewer.closed !== undefined, 120);
  assert.equal(viewer.closed?.code, 4401);
  await viewer.hears("error", ({ data }) => data.code === "token_expired");
  assert.equal(owner.closed, undefined);
  owner.leave();
});
