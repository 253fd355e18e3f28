//! Signing in by mail, through the real runtime: links, cookies, limits, and who may not use them.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { json, newNetwork, Platform } from "../harness/platform.ts";
import { until } from "../harness/until.ts";

const docle = await Platform.start();
after(() => docle.stop());

const ask = (email: string, ip = newNetwork()) => docle.send("/auth/request", { email }, { "cf-connecting-ip": ip });

test("a link leads to a page whose button signs in", async () => {
  await json(200, await ask("Ada@Example.com "));
  const token = await docle.mailedToken("ada@example.com");
  const page = await docle.fetch(`/auth/verify?token=${token}`);
  const html = await page.text();
  assert.match(html, /<form method="post" action="\/auth\/verify">/);
  assert.equal(page.headers.get("set-cookie"), null);
  const headers = { "content-type": "application/x-www-form-urlencoded", origin: docle.worker.url };
  const pressed = await docle.fetch("/auth/verify", { method: "POST", headers, body: `token=${token}` });
  assert.equal(pressed.status, 303);
  assert.match(pressed.headers.get("set-cookie") ?? "", /^docle_session=[0-9a-f]{64}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
});

test("of a hundred presses of one button, one signs in", async () => {
  await json(200, await ask("grace@example.com"));
  const token = await docle.mailedToken("grace@example.com");
  const presses = await Promise.all(Array.from({ length: 100 }, () => docle.send("/auth/verify", { token })));
  const count = (status: number) => presses.filter((press) => press.status === status).length;
  assert.deepEqual([count(200), count(410)], [1, 99]);
  await Promise.all(presses.map((press) => press.text()));
});

test("a network gets five links in a quarter of an hour, however many it asks for at once", async () => {
  const ip = newNetwork();
  const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => ask(`n${n}@example.com`, ip)));
  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(refused.length, 25);
  const problem = (await refused[0]?.json()) as Record<string, unknown>;
  assert.equal(problem["error"], "Too many requests");
  assert.match(String(problem["message"]), /^Rate limit exceeded\. Please try again in \d+ minutes\.$/);
  assert.equal(String(problem["retry_after"]), refused[0]?.headers.get("retry-after"));
});

test("sessions are listed and ended", async () => {
  const [one, two] = [await docle.signIn("mary@example.com"), await docle.signIn("mary@example.com")];
  const { sessions } = await json(200, await one.call("GET", "/auth/sessions"));
  assert.equal(sessions.length, 2);
  const other = sessions.find(({ current }: { current: boolean }) => !current);
  assert.equal((await one.call("DELETE", `/auth/sessions/${other.id}`)).status, 204);
  await json(401, await two.call("GET", "/auth/me"));
  await json(200, await one.call("POST", "/auth/logout", {}));
  await json(401, await one.call("GET", "/auth/me"));
});

test("neither another site's page nor a look-alike cookie can act", async () => {
  const user = await docle.signIn("eve@example.com");
  for (const [status, headers] of [
    [403, { origin: "https://evil.example" }],
    [403, { origin: "null" }],
    [415, { "content-type": "text/plain", origin: docle.worker.url }],
    [401, { cookie: user.cookie.replace("docle_session", "xdocle_session") }],
    [401, { cookie: `docle_session=${"0".repeat(64)}; ${user.cookie}` }],
  ] as const) {
    assert.equal((await user.call("POST", "/auth/logout", {}, headers)).status, status, JSON.stringify(headers));
  }
  await json(200, await user.call("GET", "/auth/me"));
});

test("mail goes out through Resend where there is a key, and nothing is kept", async () => {
  const mails: { authorization: string | undefined; body: any }[] = [];
  const resend = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => (text += part)).on("end", () => {
      mails.push({ authorization: request.headers.authorization, body: JSON.parse(text) });
      response.end("{}");
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => resend.once("listening", resolve));
  const url = `http://127.0.0.1:${(resend.address() as AddressInfo).port}`;
  const production = await Platform.start({ ENVIRONMENT: "production", RESEND_API_KEY: "re_1", RESEND_URL: url, PUBLIC_URL: "https://api.docle.co" });
  try {
    await json(200, await production.send("/auth/request", { email: "ada@example.com" }));
    await until("the mail", () => mails.length === 1);
    assert.equal(mails[0]?.authorization, "Bearer re_1");
    const { to, from, subject, text, html } = mails[0]?.body;
    assert.deepEqual([to, from, subject], [["ada@example.com"], "Docle <login@docle.co>", "Sign in to Docle"]);
    for (const part of [text, html]) assert.match(part, /https:\/\/api\.docle\.co\/auth\/verify\?token=[0-9a-f]{64}/);
    await json(404, await production.fetch("/auth/outbox"));
    assert.ok(production.worker.logs.every((line) => !line.includes("token=")));
  } finally {
    await production.stop();
    resend.closeAllConnections();
    resend.close();
  }
});
