//! Stock Yjs clients: unmodified yjs and y-websocket from npm, against the real runtime.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import * as Y from "yjs";
import { Platform } from "../harness/platform.ts";
import { everybodyLeaves, openRoom, same, YjsPerson } from "../harness/rooms.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
const { url } = docle.worker;
after(() => docle.stop());
after(everybodyLeaves);

const evict = (room: string) => docle.worker.evict("Room", `room:${room}`);

test("two clients that type concurrently converge, byte for byte, with emoji and deletions", async () => {
  const room = await openRoom(url);
  const [ada, bob] = await Promise.all([new YjsPerson(url, room).synced(), new YjsPerson(url, room).synced()]);
  ada.type(0, "print('\u{1f600}\u{1f601}')\n");
  await same(ada, bob);
  // In the middle of a line, at the same position, before either client receives the other's edit.
  ada.type(7, "\u{1f468}\u{200d}\u{1f469}");
  bob.text.delete(9, 2);
  bob.type(7, "zwei \u{1f389}");
  const code = await same(ada, bob);
  assert.ok(code.includes("zwei \u{1f389}") && code.includes("\u{1f468}\u{200d}\u{1f469}") && !code.includes("\u{1f601}"), code);
  const late = await new YjsPerson(url, room).synced();
  assert.equal(late.code, code);
  // The whole documents are equal, as Yjs encodes them.
  assert.deepEqual(Y.encodeStateAsUpdate(late.doc), Y.encodeStateAsUpdate(ada.doc));
  const state = (await (await docle.fetch(`/collab/${room}/state`)).json()) as { code: string };
  assert.equal(state.code, code);
  [ada, bob, late].forEach((person) => person.leave());
});

test("files and settings are shared", async () => {
  const room = await openRoom(url);
  const [ada, bob] = await Promise.all([new YjsPerson(url, room).synced(), new YjsPerson(url, room).synced()]);
  ada.doc.getMap("files").set("main.py", new Y.Text("import util"));
  ada.doc.getMap("meta").set("lang", "python");
  await until("Bob to see the file", () => bob.doc.getMap("files").has("main.py") && bob.doc.getMap("meta").has("lang"));
  (bob.doc.getMap("files").get("main.py") as Y.Text).insert(11, "ity");
  const file = async () => ((await (await docle.fetch(`/collab/${room}/state`)).json()) as { files?: Record<string, string>; lang: string });
  await until("the state to show it", async () => (await file()).files?.["main.py"] === "import utility");
  assert.equal((await file()).lang, "python");
  [ada, bob].forEach((person) => person.leave());
});

test("offline edits are merged, and an eviction of the object loses nothing", async () => {
  const room = await openRoom(url);
  const ada = await new YjsPerson(url, room).synced();
  ada.type(0, "one\n");
  const bob = await new YjsPerson(url, room).synced();
  bob.provider.disconnect();
  bob.type(bob.code.length, "offline\n");
  for (let line = 0; line < 20; line++) {
    ada.type(ada.code.length, `line ${line}\n`);
    if (line % 5 === 0) {
      const reached = async () => ((await (await docle.fetch(`/collab/${room}/state`)).json()) as { code: string }).code.includes(`line ${line}\n`);
      await until("the line to arrive", reached);
      await evict(room);
    }
  }
  bob.provider.connect();
  const code = await same(ada, await bob.synced());
  for (let line = 0; line < 20; line++) assert.ok(code.includes(`line ${line}\n`), code);
  assert.ok(code.includes("offline\n"), code);
  assert.equal(ada.connections, 1, "the socket outlives the object");
  [ada, bob].forEach((person) => person.leave());
});

test("a client whose socket breaks reconnects with its edits", async () => {
  const room = await openRoom(url);
  const [ada, bob] = await Promise.all([new YjsPerson(url, room).synced(), new YjsPerson(url, room).synced()]);
  ada.type(0, "before ");
  await same(ada, bob);
  // A crash or a deployment takes the sockets with it.
  ada.provider.ws?.close();
  ada.type(7, "during ");
  bob.type(0, "after ");
  assert.equal(await same(await ada.synced(), bob), "after before during ");
  assert.equal(ada.connections, 2);
  [ada, bob].forEach((person) => person.leave());
});

test("presence reaches all clients, belongs to one connection, and ends with the socket; none survives a restart", async () => {
  const room = await openRoom(url);
  const [ada, bob] = await Promise.all([new YjsPerson(url, room).synced(), new YjsPerson(url, room).synced()]);
  ada.provider.awareness.setLocalStateField("user", { name: "Ada", color: "#ff6b6b" });
  bob.provider.awareness.setLocalStateField("user", { name: "Bob", color: "#51cf66" });
  const names = (person: YjsPerson) => person.states.map((state) => state["user"]?.name).filter(Boolean).sort().join();
  await until("both to see both", () => names(ada) === "Ada,Bob" && names(bob) === "Ada,Bob");
  await evict(room);
  const eve = await new YjsPerson(url, room).synced();
  await until("a newcomer to see who is there", () => names(eve) === "Ada,Bob");
  bob.leave();
  await until("Bob's presence to be removed", () => names(ada) === "Ada" && names(eve) === "Ada");
  await evict(room);
  const late = await new YjsPerson(url, room).synced();
  await until("the next one to see Ada alone", () => names(late) === "Ada");
  assert.equal(names(late), "Ada");
  [ada, eve, late].forEach((person) => person.leave());
});

test("fifty people type at once", async () => {
  const room = await openRoom(url);
  const people = await Promise.all(Array.from({ length: 50 }, () => new YjsPerson(url, room).synced()));
  people.forEach((person, index) => person.type(0, `[${index}]`));
  await until("everybody to see everybody", () => people.every(({ code }) => people.every((_, index) => code.includes(`[${index}]`))), 60);
  await same(...people);
  people.forEach((person) => person.leave());
});

test("a binary first frame on the other address speaks Yjs, too, and is answered in binary only", async () => {
  const room = await openRoom(url);
  const [ada, bob] = await Promise.all([new YjsPerson(url, room, { path: "websocket" }).synced(), new YjsPerson(url, room).synced()]);
  ada.type(0, "x = 1");
  assert.equal(await same(ada, bob), "x = 1");
  assert.equal(ada.connections, 1);
  [ada, bob].forEach((person) => person.leave());
});

test("a room with a compacted log is the same after all clients have left", async () => {
  const room = await openRoom(url);
  const people = await Promise.all(Array.from({ length: 12 }, () => new YjsPerson(url, room).synced()));
  // More than 500, after which a snapshot takes their place; another one does when nobody is there.
  for (let letter = 0; letter < 50; letter++) people.forEach((person) => person.type(person.code.length, "x"));
  await until("all letters", () => people.every(({ code }) => code.length === 600), 60);
  people.forEach((person) => person.leave());
  const state = async () => (await (await docle.fetch(`/collab/${room}/state`)).json()) as { code: string; rev: number; users: unknown[] };
  await until("all connections to be closed", async () => (await state()).users.length === 0, 60);
  await evict(room);
  const { code, rev } = await state();
  assert.deepEqual([code, rev], ["x".repeat(600), 600]);
  const late = await new YjsPerson(url, room).synced();
  late.type(600, "y");
  await until("another letter", async () => (await state()).rev === 601);
  await evict(room);
  assert.equal((await state()).code, `${code}y`);
  late.leave();
});

test("a client alone in a room stays connected, because it receives its own presence", { timeout: 180_000 }, async () => {
  const room = await openRoom(url);
  const ada = await new YjsPerson(url, room).synced();
  // A stock client reconnects after 30 s without a message. The test waits for twice that time.
  await pause(65_000);
  assert.equal(ada.connections, 1);
  assert.ok(ada.provider.wsconnected);
  ada.leave();
});
