//! The JSON protocol, beside Yjs clients in the same room.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import * as Y from "yjs";
import { Platform } from "../harness/platform.ts";
import { everybodyLeaves, JsonPerson, openRoom, same, YjsPerson } from "../harness/rooms.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
const { url } = docle.worker;
after(() => docle.stop());
after(everybodyLeaves);

const evict = (room: string) => docle.worker.evict("Room", `room:${room}`);

test("messages are as documented", async () => {
  const room = await openRoom(url);
  // A client that sends nothing is greeted as well.
  const ada = new JsonPerson(url, room, { query: "?name=Ada" });
  const init = await ada.hears("init");
  assert.match(init.userId ?? "", /^user-[0-9a-f]{8}$/);
  assert.equal(init.data.code, "");
  assert.deepEqual(init.data.users, [{ id: init.userId, name: "Ada", color: init.data.users[0].color, role: "editor" }]);
  assert.match(init.data.users[0].color, /^#[0-9a-f]{6}$/);

  const bob = new JsonPerson(url, room, { query: "?name=Bob" });
  const { userId: bobId } = await bob.hears("init");
  const join = await ada.hears("join");
  assert.deepEqual({ userId: join.userId, name: join.data.name }, { userId: bobId, name: "Bob" });

  ada.sends("print('Hello')", { lang: "python" });
  const update = await bob.hears("update");
  assert.deepEqual([update.userId, update.data.code, update.data.lang], [init.userId, "print('Hello')", "python"]);
  assert.equal(typeof update.timestamp, "number");

  bob.send({ type: "cursor", userId: "user-of-another-client", data: { cursor: 5 } });
  const cursor = await ada.hears("cursor");
  assert.deepEqual([cursor.userId, cursor.data], [bobId, { cursor: 5 }], "the userId of a message is ignored");

  bob.send({ type: "sync" });
  assert.equal((await bob.hears("sync")).data.code, "print('Hello')");
  bob.leave();
  assert.equal((await ada.hears("leave")).userId, bobId);
  const state = (await (await docle.fetch(`/collab/${room}/state`)).json()) as Record<string, any>;
  assert.deepEqual([state["code"], state["lang"], state["users"].length], ["print('Hello')", "python", 1]);
  assert.equal(typeof state["rev"], "number");
  assert.ok(state["lastUpdate"] > Date.now() - 600_000);
  ada.leave();
});

test("whole texts merge with concurrent edits, and an empty text clears", async () => {
  const room = await openRoom(url);
  const yjs = await new YjsPerson(url, room).synced();
  yjs.type(0, "one\ntwo\nthree\n");
  const [ada, bob] = await Promise.all([new JsonPerson(url, room).greeted(), new JsonPerson(url, room).greeted()]);
  await same(yjs, ada, bob);
  // All three edit concurrently.
  ada.sends(ada.code.replace("one", "ONE"));
  bob.sends(`${bob.code}four\n`);
  yjs.type(4, "1.5\n");
  await until("all of it", () => ["ONE", "1.5", "four"].every((part) => [yjs, ada, bob].every(({ code }) => code.includes(part))), 60);
  assert.equal(await same(yjs, ada, bob), "ONE\n1.5\ntwo\nthree\nfour\n");
  bob.sends("");
  assert.equal(await (async () => (await until("nothing", () => [yjs, ada].every(({ code }) => code === ""), 60), same(yjs, ada, bob)))(), "");
  [yjs, ada, bob].forEach((person) => person.leave());
});

test("a client that types before it receives updates loses nothing, also across evictions of the object", async () => {
  const room = await openRoom(url);
  const yjs = await new YjsPerson(url, room).synced();
  const ada = await new JsonPerson(url, room).greeted();
  const rev = ada.rev;
  let own = "";
  for (const letter of "abcdefgh") {
    yjs.type(0, letter.toUpperCase());
    own += letter;
    // Always based on the first revision, as if no update ever arrived.
    ada.send({ type: "update", rev, data: { code: own } });
    const state = async () => ((await (await docle.fetch(`/collab/${room}/state`)).json()) as { code: string }).code;
    await until("both letters", async () => (await state()).includes(letter) && (await state()).includes(letter.toUpperCase()), 60);
    await evict(room);
  }
  await until("all letters", () => [..."abcdefghABCDEFGH"].every((letter) => yjs.code.split(letter).length === 2), 60);
  assert.equal([...yjs.code].filter((letter) => letter === letter.toLowerCase()).join(""), "abcdefgh");
  [yjs, ada].forEach((person) => person.leave());
});

test("cursors are translated in both directions", async () => {
  const room = await openRoom(url);
  const yjs = await new YjsPerson(url, room).synced();
  yjs.type(0, "h\u{1f600}llo");
  const ada = await new JsonPerson(url, room).greeted();
  await same(yjs, ada);
  const at = (offset: number) => JSON.parse(JSON.stringify(Y.createRelativePositionFromTypeIndex(yjs.text, offset)));
  yjs.provider.awareness.setLocalState({ user: { name: "Yve", color: "#123456" }, cursor: { anchor: at(3), head: at(3) } });
  assert.equal((await ada.hears("cursor")).data.cursor, 3);
  await ada.hears("join", ({ data }) => data.name === "Yve" && data.color === "#123456");
  const own = yjs.provider.awareness.getLocalState()?.["cursor"].anchor;

  for (const offset of [3, 6]) {
    ada.send({ type: "cursor", data: { cursor: offset } });
    const cursor = () => yjs.states.map((state) => state["cursor"]).find((cursor) => cursor?.head.assoc === 0 && isDeepStrictEqual(cursor.head, at(offset)) && cursor.anchor !== own);
    await until("the cursor among Yjs clients", () => cursor() !== undefined, 60);
    // Editors compare `item` and `type` with null at the end of a text.
    assert.deepEqual([cursor()?.head.type, offset === 6 ? cursor()?.head.item : null], [null, null]);
    const position = Y.createRelativePositionFromJSON(cursor()?.head);
    assert.equal(Y.createAbsolutePositionFromRelativePosition(position, yjs.doc)?.index, offset);
  }
  [yjs, ada].forEach((person) => person.leave());
});

test("an invalid message is answered with an error", async () => {
  const room = await openRoom(url);
  const ada = await new JsonPerson(url, room).greeted();
  ada.send("{");
  ada.send({ type: "delete" });
  await ada.hears("error", ({ data }) => data.field === "type" && data.code === "invalid_message");
  ada.send({ type: "update", rev: 999, data: { code: "x" } });
  await ada.hears("error", ({ data }) => data.code === "unknown_revision");
  ada.send({ type: "run" });
  await ada.hears("error", ({ data }) => data.code === "room_without_owner");
  assert.equal(ada.closed, undefined);
  ada.leave();
});

test("clients of both protocols that type at random converge", async () => {
  for (const seed of [1, 2, 3]) {
    const room = await openRoom(url);
    let state = seed;
    const dice = (limit: number) => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % limit;
    const yjs = await Promise.all([new YjsPerson(url, room).synced(), new YjsPerson(url, room).synced()]);
    const json = await Promise.all([new JsonPerson(url, room).greeted(), new JsonPerson(url, room).greeted()]);
    const typed: string[] = [];
    for (let turn = 0; turn < 60; turn++) {
      const letter = String.fromCodePoint(0x4e00 + turn);
      typed.push(letter);
      const who = dice(4);
      const person = [...yjs, ...json][who];
      const at = dice((person?.code.length ?? 0) + 1);
      if (person instanceof YjsPerson) person.type(at, letter);
      else person?.sends(person.code.slice(0, at) + letter + person.code.slice(at));
      if (dice(3) === 0) await new Promise((resolve) => setImmediate(resolve));
      if (dice(20) === 0) await evict(room);
    }
    const everybody = [...yjs, ...json];
    await until("every letter, once", () => everybody.every(({ code }) => typed.every((letter) => code.split(letter).length === 2)), 60);
    assert.equal((await same(...everybody)).length, typed.length, `seed ${seed}`);
    everybody.forEach((person) => person.leave());
  }
});
