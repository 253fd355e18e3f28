//! What an attacker tries: guessing what is secret, planting sessions, smuggling headers.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { json, newNetwork, Platform } from "../harness/platform.ts";

const docle = await Platform.start();
after(() => docle.stop());

/** Each text that differs from `secret` in its last character, and as many that have nothing to do with it. */
function guesses(secret: string): string[] {
  const near = Array.from("0123456789abcdef", (last) => secret.slice(0, -1) + last).filter((guess) => guess !== secret);
  const far = near.map(() => secret.slice(0, -40) + randomBytes(20).toString("hex"));
  return [...near, ...far, secret.slice(0, -1), `${secret}0`, secret.toUpperCase() === secret ? secret.toLowerCase() : secret.toUpperCase()];
}

test("no guess comes nearer to a link, a session or a key than any other, and none uses one up", async () => {
  const email = "ada@example.com";
  await json(200, await docle.send("/auth/request", { email }, { "cf-connecting-ip": newNetwork() }));
  const token = await docle.mailedToken(email);
  for (const guess of guesses(token)) {
    const refused = await docle.send("/auth/verify", { token: guess });
    assert.ok([400, 410].includes(refused.status), `${guess}: ${refused.status}`);
    assert.deepEqual(refused.headers.getSetCookie(), []);
  }
  const redeemed = await docle.send("/auth/verify", { token });
  assert.equal(redeemed.status, 200);
  const cookie = redeemed.headers.getSetCookie()[0]?.split(";")[0] ?? "";

  for (const guess of guesses(cookie)) await json(401, await docle.fetch("/auth/me", { headers: { cookie: guess } }));
  await json(200, await docle.fetch("/auth/me", { headers: { cookie } }));

  const key = docle.worker.key;
  for (const guess of guesses(key)) await json(401, await docle.run(guess));
  await json(401, await docle.run(docle.worker.newKey()));
  await json(200, await docle.run(key));
});

test("a user who signs in gets a session of their own, whatever cookie they came with", async () => {
  const eve = await docle.signIn("eve@example.com");
  await json(200, await docle.send("/auth/request", { email: "victim@example.com" }, { "cf-connecting-ip": newNetwork() }));
  const token = await docle.mailedToken("victim@example.com");
  const signedIn = await docle.send("/auth/verify", { token }, { cookie: eve.cookie });
  assert.equal(signedIn.status, 200);
  const theirs = signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  assert.notEqual(theirs, eve.cookie);
  assert.equal((await json(200, await docle.fetch("/auth/me", { headers: { cookie: theirs } }))).email, "victim@example.com");
  assert.equal((await json(200, await eve.call("GET", "/auth/me"))).email, "eve@example.com", "the planted session is still the planter's");
});

test("no text of a caller's becomes a header, of an answer or of a mail", async () => {
  const user = await docle.signIn("bob@example.com");
  const evil = "a\r\nX-Evil: 1\r\nBcc: eve@example.com\r\n\r\n<script>";
  const { id: project } = await json(201, await user.call("POST", "/api/projects", { name: "Shop" }));
  const answers = [
    await docle.send("/auth/request", { email: `a@example.com${evil}` }, { "cf-connecting-ip": newNetwork() }),
    await docle.send("/auth/verify", { token: evil }),
    await docle.fetch(`/auth/verify?token=${encodeURIComponent(evil)}`),
    await user.call("POST", "/api/projects", { name: evil }),
    await user.call("PATCH", `/api/projects/${project}`, { name: evil }),
    await user.call("POST", `/api/projects/${project}/keys`, { name: evil, allowedDomains: [evil] }),
    await user.call("GET", `/api/projects/${encodeURIComponent(evil)}`),
    await user.call("GET", `/api/projects?cursor=${encodeURIComponent(evil)}`),
    await docle.run(docle.worker.key, {}, { lang: evil, code: "1", [evil]: evil, userContext: { id: evil } }),
    await docle.run(docle.worker.key, {}, { lang: "python", code: evil, userContext: { id: evil } }),
    await docle.run(docle.worker.key, { "x-request-id": "a,b;c" }),
    await docle.fetch(`/api/run/${encodeURIComponent(evil)}`),
    await docle.fetch(`/collab/${encodeURIComponent(evil)}`),
    await docle.fetch(`/${encodeURIComponent(evil)}`),
  ];
  for (const answer of answers) {
    const names = Array.from(answer.headers.keys());
    assert.ok(!names.includes("x-evil") && !names.includes("bcc"), `${answer.url}: ${names}`);
    const text = await answer.text();
    if (answer.headers.get("content-type")?.startsWith("text/html")) assert.ok(!text.includes("<script>"), answer.url);
    assert.ok(answer.status < 500, `${answer.url}: ${text}`);
  }
  const { messages } = (await json(200, await docle.fetch("/auth/outbox"))) as { messages: { to: string }[] };
  const known = ["ada", "bob", "eve", "victim"].map((name) => `${name}@example.com`);
  assert.deepEqual(messages.map(({ to }) => to).filter((to) => !known.includes(to)), []);
});
