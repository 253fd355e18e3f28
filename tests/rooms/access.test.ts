//! Rooms of a project: tokens, roles, runs and the key that pays for them.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { projectSql } from "../../scripts/setup/development.mjs";
import { problem } from "../harness/docle.ts";
import { json, Platform } from "../harness/platform.ts";
import { everybodyLeaves, JsonPerson, openRoom, same, YjsPerson, type OwnedRoom } from "../harness/rooms.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
const { url, key } = docle.worker;
after(() => docle.stop());
after(everybodyLeaves);

const withKey = { authorization: `Bearer ${key}` };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const newRoom = async (headers = withKey) => (await json(201, await docle.send("/api/rooms", {}, headers))) as OwnedRoom;

async function token(room: string, role: string, headers: Record<string, string> = withKey): Promise<string> {
  return (await json(201, await docle.send(`/api/rooms/${room}/tokens`, { role, name: role }, headers))).token;
}

/** A key of another project. */
async function otherKey(): Promise<string> {
  const other = docle.worker.newKey();
  for (const statement of projectSql(other)) await docle.worker.sql(statement.replaceAll("proj_dev", "proj_other").replaceAll("'key_", "'key_o"));
  return other;
}

test("a room of a project needs a token that is valid, unexpired and for this room", async () => {
  const room = await newRoom();
  assert.equal(room.role, "owner");
  const other = await newRoom();
  const [claims = "", signature = ""] = (await token(room.id, "viewer")).replace("rt_", "").split(".");
  const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url").toString()), role: "owner" })).toString("base64url");
  for (const wrong of ["", "x", await token(other.id, "owner"), `rt_${forged}.${signature}`]) {
    const refused = await problem(401, await docle.fetch(`/collab/${room.id}/state`, { headers: bearer(wrong) }));
    assert.equal(refused.code, "room_token_required");
  }
  await json(200, await docle.fetch(`/collab/${room.id}/state`, { headers: bearer(await token(room.id, "viewer")) }));
  await json(200, await docle.fetch(`/collab/${room.id}/state`, { headers: withKey }));

  // The Worker refuses the socket before it calls the room.
  const stranger = new JsonPerson(url, room.id);
  await until("a stranger to be refused", () => stranger.closed !== undefined);
  assert.deepEqual(stranger.heard.map(({ type, data }) => [type, data.code]), [["error", "room_token_required"]]);
  assert.equal(stranger.closed?.code, 4401);
  const upgrade = await problem(426, await docle.fetch(`/collab/${room.id}/yjs`, { headers: withKey }));
  assert.equal(upgrade.code, "upgrade_required");
});

test("a token in a URL is refused, because logs contain URLs", async () => {
  const room = await newRoom();
  const person = new JsonPerson(url, room.id, { query: `?token=${room.token}`, token: room.token });
  await until("the refusal", () => person.closed !== undefined);
  assert.equal(person.closed?.code, 4400);
  assert.match(person.closed?.reason ?? "", /^token must not be in the URL/);
  assert.ok(!JSON.stringify([person.heard, person.closed]).includes(room.token));
});

test("rooms of other projects, and rooms that do not exist, are not found", async () => {
  const room = await newRoom();
  const other = bearer(await otherKey());
  assert.equal((await problem(404, await docle.send(`/api/rooms/${room.id}/tokens`, { role: "owner" }, other))).code, "room_not_found");
  assert.equal((await problem(404, await docle.send(`/api/rooms/${room.id}/run`, {}, other))).code, "room_not_found");
  assert.equal((await problem(404, await docle.fetch(`/api/rooms/${room.id}`, { method: "DELETE", headers: other }))).code, "room_not_found");
  for (const id of ["interview-session-123", `${room.id.slice(0, -1)}x`, `room_${"0".repeat(32)}`]) {
    assert.equal((await problem(404, await docle.fetch(`/collab/${id}/state`, { headers: withKey }))).code, "room_not_found");
  }
});

test("a viewer sees everything and changes nothing, whatever the frame", async () => {
  const room = await newRoom();
  const editor = await new YjsPerson(url, room.id, { token: await token(room.id, "editor") }).synced();
  editor.type(0, "kept");
  const viewerToken = await token(room.id, "viewer");
  const viewer = new YjsPerson(url, room.id, { token: viewerToken, connect: false });
  // The first text is typed before the connection and is part of step 2; the second one is an update.
  viewer.type(0, "offline ");
  viewer.provider.connect();
  await viewer.synced();
  viewer.type(0, "online ");
  const json = await new JsonPerson(url, room.id, { token: viewerToken }).greeted();
  json.sends("all mine");
  await json.hears("error", ({ data }) => data.code === "not_an_editor");
  await until("the viewer to see the text", () => viewer.code.includes("kept"));
  editor.type(4, " on");
  await until("the editor's change", () => viewer.code.includes("kept on"));
  assert.equal(editor.code, "kept on");
  const late = await new YjsPerson(url, room.id, { token: viewerToken }).synced();
  assert.equal(late.code, "kept on");
  // A viewer may not run either.
  json.send({ type: "run" });
  await json.hears("error", ({ data }) => data.code === "not_a_runner");
  assert.equal((await problem(403, await docle.send(`/api/rooms/${room.id}/run`, {}, bearer(viewerToken)))).code, "room_role_too_low");
  [editor, viewer, json, late].forEach((person) => person.leave());
});

test("the owner creates tokens for others, with lesser roles only", async () => {
  const room = await newRoom();
  const given = await token(room.id, "viewer", bearer(room.token));
  await json(200, await docle.fetch(`/collab/${room.id}/state`, { headers: bearer(given) }));
  assert.equal((await problem(403, await docle.send(`/api/rooms/${room.id}/tokens`, { role: "owner" }, bearer(room.token)))).code, "room_role_too_low");
  assert.equal((await problem(403, await docle.send(`/api/rooms/${room.id}/tokens`, { role: "viewer" }, bearer(given)))).code, "room_role_too_low");
  const wrong = await problem(400, await docle.send(`/api/rooms/${room.id}/tokens`, { role: "admin", ttlSeconds: 5 }, withKey));
  assert.deepEqual(wrong.errors?.map(({ field }) => field).sort(), ["role", "ttlSeconds"]);
});

test("a run in a room is broadcast, kept for later connections, and counted for the project", async () => {
  const room = await newRoom();
  const editor = await new JsonPerson(url, room.id, { token: await token(room.id, "editor") }).greeted();
  const viewer = await new JsonPerson(url, room.id, { token: await token(room.id, "viewer") }).greeted();
  editor.sends("print(1)", { lang: "python" });
  await same(editor, viewer);
  editor.send({ type: "run" });
  for (const person of [editor, viewer]) {
    const start = await person.hears("run", ({ data }) => data.type === "start");
    const complete = await person.hears("run", ({ data }) => data.type === "complete");
    assert.deepEqual([start.userId, complete.data.result.stdout, complete.data.result.id], [complete.userId, "1\n", start.data.id]);
  }
  const { data } = await editor.hears("run", ({ data }) => data.type === "complete");
  await docle.worker.evict("Room", `room:${room.id}`);
  const late = await new JsonPerson(url, room.id, { token: room.token }).greeted();
  assert.equal((await late.hears("init")).data.result.id, data.result.id);
  const runs = async () => ((await docle.worker.sql(`SELECT key FROM usage_recent, json_each(runs) WHERE value ->> 'runId' = '${data.result.id}'`)) as { results: unknown[] }).results.length;
  await until("the run in the database", async () => (await runs()) === 1, 60);
  [editor, viewer, late].forEach((person) => person.leave());
});

test("a run by HTTP answers as CodeRunService does", async () => {
  const room = await newRoom();
  const watcher = await new JsonPerson(url, room.id, { token: room.token }).greeted();
  const run = await json(200, await docle.send(`/api/rooms/${room.id}/run`, { code: "console.log(1)", language: "javascript" }, withKey));
  assert.deepEqual({ ...run, result: undefined }, { success: true, output: "1\n", error: "", exitCode: 0, result: undefined });
  await watcher.hears("run", ({ data }) => data.type === "complete" && data.result.id === run.result.id);
  const wrong = await problem(400, await docle.send(`/api/rooms/${room.id}/run`, { code: "1", language: "cobol" }, withKey));
  assert.deepEqual(wrong.errors?.map(({ field }) => field), ["language"]);
  const runner = await token(room.id, "runner");
  const empty = await problem(400, await docle.send(`/api/rooms/${room.id}/run`, {}, bearer(runner)));
  assert.deepEqual(empty.errors?.map(({ field }) => field), ["code"]);
  watcher.sends("print(input())", { lang: "python" });
  await until("the text", async () => (await json(200, await docle.fetch(`/collab/${room.id}/state`, { headers: withKey }))).code !== "");
  await json(200, await docle.send(`/api/rooms/${room.id}/run`, { stdin: "seven", policy: { timeoutMs: 9_000 } }, withKey));
  await json(200, await docle.send(`/api/rooms/${room.id}/run`, {}, bearer(runner)));
  assert.equal((await problem(403, await docle.send(`/api/rooms/${room.id}/run`, { code: "1" }, bearer(runner)))).code, "room_role_too_low");
  watcher.leave();
});

test("runs in a room count against the key's rate limit", async () => {
  const limited = docle.worker.newKey();
  for (const statement of projectSql(limited)) await docle.worker.sql(statement);
  await docle.worker.sql(`UPDATE api_keys SET rate_limit_per_minute = 3 WHERE key_prefix = '${limited.slice(0, 12)}' AND name = 'npm start'`);
  const room = await newRoom(bearer(limited));
  const editor = await new JsonPerson(url, room.id, { token: room.token }).greeted();
  editor.sends("print(1)", { lang: "python" });
  // The creation of the room was the first call.
  for (let run = 0; run < 3; run++) {
    const heard = editor.heard.length;
    editor.send({ type: "run" });
    await until("its end", () => editor.heard.slice(heard).some(({ type, data }) => type === "run" && ["complete", "refused"].includes(data.type)), 60);
  }
  const ends = editor.heard.filter(({ type, data }) => type === "run" && ["complete", "refused"].includes(data.type));
  assert.deepEqual(ends.map(({ data }) => data.code ?? data.result.status), ["success", "success", "rate_limit_exceeded"]);
  editor.leave();
});

test("rooms are listed with their names; deleting one closes its connections", async () => {
  const room = (await json(201, await docle.send("/api/rooms", { name: "Interview", ownerName: "Ada" }, withKey))) as OwnedRoom;
  const page = (await json(200, await docle.fetch("/api/rooms?limit=100", { headers: withKey }))) as { rooms: { id: string; name: string | null }[] };
  assert.equal(page.rooms.find(({ id }) => id === room.id)?.name, "Interview");
  const person = await new JsonPerson(url, room.id, { token: room.token }).greeted();
  person.sends("secret");
  const deleted = await docle.fetch(`/api/rooms/${room.id}`, { method: "DELETE", headers: withKey });
  assert.equal(deleted.status, 204);
  await until("the connection to be closed", () => person.closed !== undefined);
  assert.equal(person.closed?.code, 4410);
  await problem(404, await docle.fetch(`/collab/${room.id}/state`, { headers: bearer(room.token) }));
});

test("an open room can be edited by every client that knows its id, and runs nothing", async () => {
  const room = await openRoom(url);
  const page = await (await docle.fetch(`/collab/${room}`)).text();
  assert.match(page, new RegExp(`/collab/${room}/yjs`));
  assert.match(page, /share the address/);
  // The page of a project's room promised that its address lets people in.
  const owned = await (await docle.fetch(`/collab/${(await newRoom()).id}`)).text();
  assert.match(owned, /The address alone lets nobody in/);
  assert.doesNotMatch(owned, /share the address/);
  assert.equal((await problem(403, await docle.send(`/api/rooms/${room}/run`, { code: "1" }, withKey))).code, "room_role_too_low");
  assert.equal((await json(200, await docle.fetch(`/collab/${room}/state`))).code, "");
});
