//! Refusals for good: a stock y-websocket client stops and can show why, instead of coming back again and again.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { json, Platform } from "../harness/platform.ts";
import { everybodyLeaves, JsonPerson, openRoom, YjsPerson, type OwnedRoom } from "../harness/rooms.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
const { url, key } = docle.worker;
after(() => docle.stop());
after(everybodyLeaves);

interface Refused {
  person: YjsPerson;
  /** What the provider gives to the page, once. */
  closed: { code: number; reason: string };
  /** How often it tried to connect. */
  attempts: number;
}

/** Waits until a stock client has given up. */
async function givesUp(person: YjsPerson): Promise<Refused> {
  let attempts = 0;
  let closed: { code: number; reason: string } | undefined;
  person.provider.on("status", ({ status }: { status: string }) => void (status === "connecting" && attempts++));
  person.provider.on("closed", (event) => void (closed = event));
  person.provider.connect();
  await until("the client to give up", () => closed !== undefined, 60);
  // The next attempt, which is scheduled already, does nothing while this is false.
  assert.equal(person.provider.shouldConnect, false);
  assert.ok(closed);
  return { person, closed, attempts };
}

/** What is printed by the client while `act` runs: its handler of "permission denied" prints. */
async function printed(act: () => Promise<void>): Promise<string> {
  const warn = console.warn;
  const lines: string[] = [];
  console.warn = (...parts: unknown[]) => void lines.push(parts.join(" "));
  await act().finally(() => void (console.warn = warn));
  return lines.join("\n");
}

test("a change of more than a megabyte made a stock client connect and upload for ever", async () => {
  const room = await openRoom(url);
  const ada = await new YjsPerson(url, room).synced();
  ada.type(0, "kept");
  for (const characters of [1_100_000, 3_000_000]) {
    const bob = new YjsPerson(url, room, { connect: false });
    bob.type(0, "x".repeat(characters));
    const warnings = await printed(async () => {
      const { closed, attempts } = await givesUp(bob);
      assert.deepEqual([closed.code, attempts], [4413, 1]);
      assert.match(closed.reason, /1 MiB/);
    });
    assert.match(warnings, /Permission denied.*\n.*1 MiB/);
    bob.leave();
  }
  const late = await new YjsPerson(url, room).synced();
  assert.equal(late.code, "kept");
  assert.equal(ada.connections, 1);
  [ada, late].forEach((person) => person.leave());
});

test("a stock client came back for ever without a token, with a wrong one, and to an unknown room", async () => {
  const room = (await json(201, await docle.send("/api/rooms", {}, { authorization: `Bearer ${key}` }))) as OwnedRoom;
  const unknown = `room_${"0".repeat(32)}`;
  for (const path of ["yjs", "websocket"]) {
    for (const [id, token, code] of [[room.id, undefined, 4401], [room.id, "x.y", 4401], [unknown, undefined, 4404]] as const) {
      const warnings = await printed(async () => {
        const { person, closed, attempts } = await givesUp(new YjsPerson(url, id, { connect: false, path, ...(token && { token }) }));
        assert.deepEqual([closed.code, attempts], [code, 1], `${path} ${id}`);
        assert.ok(closed.reason);
        person.leave();
      });
      assert.match(warnings, /Permission denied/);
    }
  }
});

test("a JSON client is told why it is refused", async () => {
  const person = new JsonPerson(url, `room_${"0".repeat(32)}`);
  await person.hears("error", ({ data }) => data.code === "room_not_found" && data.message.includes("POST /api/rooms"));
  await until("the close", () => person.closed !== undefined, 60);
  assert.equal(person.closed?.code, 4404);
});

test("a JSON client alone in a room replaces and clears its text without a revision", async () => {
  const room = await openRoom(url);
  const ada = await new JsonPerson(url, room).greeted();
  const state = async () => ((await (await docle.fetch(`/collab/${room}/state`)).json()) as { code: string }).code;
  for (const code of ["print(1)", "for i in range(3):\n    print(i)", "", "print(1)"]) {
    ada.send({ type: "update", data: { code } });
    await until(`the text ${JSON.stringify(code)}`, async () => (await state()) === code, 60);
  }
  assert.deepEqual(ada.heard.filter(({ type }) => type === "update"), []);
  ada.leave();
});
