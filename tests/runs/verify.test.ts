//! `npm run verify`: it holds for a service that works, and notices each fault that it looks for.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { after, describe, test } from "node:test";
import { checks } from "../../scripts/verify/checks.mjs";
import { Client } from "../../scripts/verify/client.mjs";
import { verify } from "../../scripts/verify/verify.mjs";
import { Docle } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

/** An answer on its way to the client. */
interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: string;
}
/** What a client sent. */
interface Sent {
  method: string;
  path: string;
  body: string;
  headers: IncomingMessage["headers"];
}
/** Spoils an answer; one that it does not return goes on as it is. */
type Fault = (sent: Sent, answer: Answer) => Answer | undefined;

let fault: Fault | "no sockets" | undefined;
const target = new URL(docle.worker.url);

/** Between client and service, to spoil what comes back. */
const between = createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
    const body = Buffer.concat(chunks).toString();
    const { method = "GET", url: path = "/" } = incoming;
    const headers = { ...incoming.headers, "accept-encoding": "identity" };
    const onward = request({ host: target.hostname, port: target.port, method, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (chunk: Buffer) => parts.push(chunk)).on("end", () => {
        const answer = { status: response.statusCode ?? 0, headers: { ...response.headers }, body: Buffer.concat(parts).toString() };
        const spoilt = typeof fault === "function" ? (fault({ method, path, body, headers }, answer) ?? answer) : answer;
        delete spoilt.headers["content-length"];
        delete spoilt.headers["transfer-encoding"];
        outgoing.writeHead(spoilt.status, spoilt.headers).end(spoilt.body);
      });
    });
    onward.end(body);
  });
});
between.on("upgrade", (incoming: IncomingMessage, socket, head: Buffer) => {
  if (fault === "no sockets") return void socket.destroy();
  const onward = connect(Number(target.port), target.hostname, () => {
    const lines = Array.from({ length: incoming.rawHeaders.length / 2 }, (_, index) => `${incoming.rawHeaders[2 * index]}: ${incoming.rawHeaders[2 * index + 1]}`);
    onward.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  for (const end of [socket, onward]) end.on("error", () => (socket.destroy(), onward.destroy()));
});
between.listen(0, "127.0.0.1");
await once(between, "listening");
after(() => {
  between.close();
  between.closeAllConnections();
});
const client = new Client(`http://127.0.0.1:${(between.address() as AddressInfo).port}`, docle.worker.key);

const isRun = (sent: Sent) => sent.method === "POST" && sent.path === "/api/run";
/** Changes fields of a result whose program has `text`. */
const change = (text: string, fields: object): Fault => (sent, answer) =>
  isRun(sent) && sent.body.includes(text) ? { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), ...fields }) } : undefined;
/** Answers calls to a path with another status and body. */
const answers = (path: RegExp, status: number, body = "{}", method?: string): Fault => (sent, answer) =>
  path.test(sent.path) && (method ?? sent.method) === sent.method ? { ...answer, status, body } : undefined;

/** For each check, a fault that it must notice. */
const faults: Record<string, Fault | "no sockets"> = {
  "the service is healthy": answers(/^\/health$/, 200, '{"status":"degraded"}'),
  "the first run, which may start a container": change("print(40 + 2)", { stdout: "41\n" }),
  "a warm run in Node": change("6 * 7", { status: "system" }),
  "each run has a machine of its own": change("path.exists", { stdout: "True False\n" }),
  "a run reaches no network": change("create_connection", { stdout: "open\n" }),
  "the clock ends a run": change("while True", { status: "killed" }),
  "memory is limited": change("bytearray", { ok: true, stdout: "got it\n" }),
  "output streams as it is written": (sent, answer) => (sent.headers.accept === "text/event-stream" ? { ...answer, body: answer.body.replaceAll("event: complete", "event: lost") } : undefined),
  "a WebSocket run takes input": "no sockets",
  "a result can be read again by its id": (sent, answer) => (sent.method === "GET" && sent.headers.authorization !== undefined ? { ...answer, status: 404 } : undefined),
  "an idempotency key runs once": (sent, answer) => (sent.headers["idempotency-key"] === undefined ? undefined : { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), id: crypto.randomUUID() }) }),
  "the rate limit is told and counts": (sent, answer) => (isRun(sent) ? { ...answer, headers: { ...answer.headers, "x-ratelimit-remaining": "60" } } : undefined),
  "bad input is named": (sent, answer) => (sent.body.includes("polcy") ? { ...answer, body: answer.body.replaceAll("polcy", "field") } : undefined),
  "a call without a key is refused": (sent, answer) => (isRun(sent) && sent.headers.authorization === undefined ? { ...answer, status: 200 } : undefined),
  "a made-up key is refused": (sent, answer) => (sent.headers.authorization?.endsWith("00000000") ? { ...answer, body: answer.body.replaceAll("invalid_api_key", "internal") } : undefined),
  "a made-up run is not found": (sent, answer) => (sent.path.startsWith("/api/run/") && sent.headers.authorization === undefined ? { ...answer, status: 503 } : undefined),
  "pages of any origin may call with a key": (sent, answer) => (sent.method === "OPTIONS" ? { ...answer, headers: { ...answer.headers, "access-control-allow-credentials": "true" } } : undefined),
  "nobody sees the login links of others": answers(/^\/auth\/outbox$/, 200),
  "the API describes itself": answers(/^\/openapi.json$/, 200, '{"openapi":"3.1.0","paths":{}}'),
};

/** Verifies; answers with the exit code, everything printed, and the names of the checks that failed. */
async function verified(of = client, which = checks) {
  let printed = "";
  const code = await verify(of, which, (text) => void (printed += text));
  const failed = checks.filter(({ name }) => printed.includes(`FAILED  ${name} `)).map(({ name }) => name);
  return { code, printed, failed };
}

test("every check holds for a service that works, and the key is never printed", async () => {
  fault = undefined;
  const { code, printed } = await verified();
  assert.equal(code, 0, printed);
  assert.ok(printed.includes(`All ${checks.length} checks hold`), printed);
  assert.ok(!printed.includes(docle.worker.key));
});

describe("a fault is noticed:", () => {
  for (const check of checks) {
    test(check.name, async () => {
      fault = faults[check.name];
      assert.ok(fault !== undefined, "there is a fault for it");
      // A deployment that is not on this machine: its outbox would be seen by everybody.
      const away = Object.assign(new Client(client.url, client.key), { call: (path: string, init?: RequestInit) => client.call(path, init), url: check.name.includes("login links") ? "https://docle.example" : client.url });
      const { code, failed, printed } = await verified(away, [check]);
      assert.deepEqual([code, failed], [1, [check.name]], printed);
    });
  }
});

test("a service that is not there fails every check with a reason", async () => {
  const nobody = new Client("http://127.0.0.1:9", client.key);
  const { code, failed, printed } = await verified(nobody, checks.slice(0, 2));
  assert.deepEqual([code, failed.length], [1, 2], printed);
  assert.match(printed, /ECONNREFUSED|fetch failed/);
});
