//! Exposed ports as their owners and visitors meet them: the real runner behind the real Worker.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { HOSTILE, SERVER } from "../harness/preview-programs.ts";
import { begin, PreviewSocket, visit } from "../harness/preview.ts";
import { json, type Json, sandboxApi } from "../harness/sandbox-api.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);

/** Of all tests of a group: an answer that never ends is a failure. */
const TIME_LIMIT = { timeout: 180_000 };

const write = async (sandbox: string, path: string, text: string) => json(200, await call("PUT", `${sandbox}/files/content?path=${path}`, new TextEncoder().encode(text)));
const expose = async (sandbox: string, settings: Json) => {
  const response = await call("POST", `${sandbox}/ports`, settings);
  return json(response.status === 200 ? 200 : 201, response);
};

/** Starts a process that listens on a port, and waits until it does. */
async function listen(sandbox: string, command: string, port = 8000): Promise<Json> {
  const process = await json(201, await call("POST", `${sandbox}/processes`, { command }));
  const waited = await json(200, await call("POST", `${sandbox}/processes/${process.id}/wait`, { port, timeoutMs: 20_000 }));
  assert.equal(waited.outcome, "listening", JSON.stringify(waited));
  return process;
}

async function withServer(settings: Json = {}): Promise<{ sandbox: string; process: Json; url: string }> {
  const sandbox = await create(settings);
  await write(sandbox, "server.cjs", SERVER);
  const process = await listen(sandbox, "node server.cjs");
  const { url } = await expose(sandbox, { port: 8000 });
  return { sandbox, process, url };
}

describe("a request to an exposed port", TIME_LIMIT, () => {
  let server: Awaited<ReturnType<typeof withServer>>;
  before(async () => (server = await withServer({ runtime_config: { network: "none" } })));
  after(() => call("DELETE", server.sandbox));

  test("reaches the program as it is, but for what a client may not say", async () => {
    const body = randomBytes(300_000);
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const hasBody = ["POST", "PUT", "PATCH"].includes(method);
      const headers = { "x-own": "é", "x-forwarded-for": "6.6.6.6", "cf-ray": "a", cookie: "docle_session=secret; own=1", authorization: "Bearer own" };
      const answer = await visit(`${server.url}some/path?query=1&b=%2F`, { method, headers, ...(hasBody ? { body } : {}) });
      assert.equal(answer.status, 200, answer.text);
      if (method === "HEAD") {
        assert.deepEqual([answer.headers["content-type"], answer.bytes.length], ["application/json", 0]);
        continue;
      }
      const seen = JSON.parse(answer.text) as Json;
      assert.deepEqual([seen.method, seen.url, seen.length], [method, "/some/path?query=1&b=%2F", hasBody ? body.length : 0]);
      if (hasBody) assert.equal(seen.sha256, createHash("sha256").update(body).digest("hex"));
      const { host, origin } = new URL(server.url);
      assert.deepEqual([seen.headers.host, seen.headers["x-forwarded-host"], seen.headers["x-forwarded-proto"]], [host, host, "http"]);
      assert.equal(seen.headers["x-original-url"], `${origin}/some/path?query=1&b=%2F`);
      assert.deepEqual([seen.headers.cookie, seen.headers.authorization, seen.headers["x-forwarded-for"], seen.headers["cf-ray"]], ["own=1", "Bearer own", undefined, undefined]);
      assert.equal(Object.keys(seen.headers).find((name) => /^(cf|docle|x-docle)-/.test(name)), undefined);
    }
  });

  test("is answered as the program answers, but for what is no matter of its own", async () => {
    const cookies = await visit(`${server.url}cookie`);
    assert.deepEqual(cookies.headers["set-cookie"], ["a=1; Path=/", "b=2"]);
    assert.deepEqual([cookies.headers["referrer-policy"], cookies.headers["x-robots-tag"], cookies.headers["x-request-id"]], ["same-origin", "noindex", undefined]);
    const redirect = await visit(`${server.url}redirect`);
    assert.deepEqual([redirect.status, redirect.headers.location], [302, "/elsewhere"]);
    assert.equal((await visit(`${server.url}empty`)).status, 204);
    const range = await visit(`${server.url}range`, { headers: { range: "bytes=2-5" } });
    assert.deepEqual([range.status, range.text, range.headers["content-range"]], [206, "2345", "bytes 2-5/10"]);
    const utf8 = await visit(`${server.url}utf8`, { headers: { "x-own": Buffer.from("é").toString("latin1") } });
    const text = (value: unknown) => Buffer.from(String(value), "latin1").toString();
    assert.deepEqual([text(utf8.headers["content-disposition"]), text(utf8.headers["x-latin1"])], ['attachment; filename="é.txt"', "é"]);
    const gzip = await visit(`${server.url}gzip`, { headers: { "accept-encoding": "gzip" } });
    assert.deepEqual([gzip.headers["content-encoding"], gzip.bytes[0], gzip.bytes[1]], ["gzip", 0x1f, 0x8b]);
  });

  test("streams in both directions, and a visitor that leaves is noticed", async () => {
    const events = await begin(`${server.url}events`);
    const chunks = events[Symbol.asyncIterator]();
    assert.equal(String((await chunks.next()).value), "data: one\n\n");
    assert.equal((await visit(`${server.url}continue`)).text, "told");
    assert.equal(String((await chunks.next()).value), "data: two\n\n");
    const left = await begin(`${server.url}events`);
    left.destroy();
    await until("the program knows that the visitor has left", async () => (await visit(`${server.url}left`)).text === "true");
    const large = await begin(`${server.url}large`);
    let length = 0;
    for await (const chunk of large) length += (chunk as Buffer).length;
    assert.deepEqual([large.headers["content-length"], length], [String(32 << 20), 32 << 20]);
    const body = Buffer.alloc(24 << 20, "y");
    const upload = await visit(`${server.url}upload`, { method: "POST", body });
    assert.equal((JSON.parse(upload.text) as Json).sha256, createHash("sha256").update(body).digest("hex"));
  });

  for (const path of ["short", "cut"]) {
    test(`that breaks off (${path}) was taken for a whole answer`, async () => {
      await assert.rejects(visit(`${server.url}${path}`));
    });
  }

  test("finds the host in every spelling, and nothing else below the preview host", async () => {
    const { host, port } = new URL(server.url);
    const at = async (name: string, path = "/") => {
      const { status } = await visit(`http://127.0.0.1:${port}${path}`, { headers: { host: name } });
      return status;
    };
    for (const name of [host, host.toUpperCase(), host.replace("localhost", "localhost.")]) assert.equal(await at(name), 200, name);
    for (const name of [`api.localhost:${port}`, `8000.localhost:${port}`, `x.${host}`, host.replace("8000", "8001"), host.replace("8000", "0"), host.replace("8000", "65536"), host.replace(/-[a-z0-9]{16}\./, "-aaaaaaaaaaaaaaaa."), host.replace(/-[a-z0-9]{16}\./, ".")]) {
      for (const path of ["/", "/health", "/api/v1/sandboxes", "/auth/me"]) assert.equal(await at(name, path), 404, `${name}${path}`);
    }
    assert.equal(await at(`localhost:${port}`, "/health"), 200);
  });

  test("that two servers read differently was smuggled", async () => {
    const smuggled = "POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";
    const { host, port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.end(smuggled.replaceAll("HOST", host));
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    // The Workers runtime refuses the request, or the program sees two that are apart.
    assert.doesNotMatch(text, /"length":[1-9]/);
  });

  test("may come two hundred times at once", async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, number) => visit(`${server.url}n?${number}`)));
    assert.deepEqual(answers.map(({ status, text }) => `${status} ${(JSON.parse(text) as Json).url}`), answers.map((_, number) => `200 /n?${number}`));
  });

  test("names localhost as its host where the port says so", async () => {
    await expose(server.sandbox, { port: 8000, hostHeader: "localhost" });
    const seen = JSON.parse((await visit(server.url)).text) as Json;
    assert.deepEqual([seen.headers.host, seen.headers["x-forwarded-host"]], ["localhost:8000", new URL(server.url).host]);
    const socket = await PreviewSocket.open(`${server.url}host`);
    const frame = await socket.next();
    assert(frame?.kind === "text");
    assert.equal((JSON.parse(frame.text) as Json).host, "localhost:8000");
    socket.destroy();
    await expose(server.sandbox, { port: 8000 });
  });

  test("goes on as a WebSocket, with its protocol, messages and close codes", async () => {
    const socket = await PreviewSocket.open(`${server.url}ws`, { "sec-websocket-protocol": "one, two" });
    assert.equal(socket.headers["sec-websocket-protocol"], "two");
    assert.deepEqual(socket.headers["set-cookie"], ["ws=1"]);
    const others = await Promise.all([1, 2, 3].map(() => PreviewSocket.open(`${server.url}ws`)));
    socket.send("text é");
    assert.deepEqual(await socket.next(), { kind: "text", text: "text é" });
    const bytes = randomBytes(200_000);
    socket.send(bytes);
    assert.deepEqual(await socket.next(), { kind: "binary", bytes });
    others.forEach((other, index) => other.send(`other ${index}`));
    assert.deepEqual(await Promise.all(others.map((other) => other.next())), others.map((_, index) => ({ kind: "text", text: `other ${index}` })));
    others.forEach((other) => other.destroy());
    socket.send("close 4242");
    assert.deepEqual(await socket.next(), { kind: "close", code: 4242, reason: "bye" });
    socket.destroy();
    const closing = await PreviewSocket.open(`${server.url}ws`);
    closing.close(4001, "from here");
    await until("the program knows how it was closed", async () => (await json(200, await call("GET", `${server.sandbox}/processes/${server.process.id}/logs`))).stdout.includes("closed 4001 from here"));
    closing.destroy();
    const refused = await visit(`${server.url}refused`, { headers: { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" } });
    assert.deepEqual([refused.status, refused.text], [403, "no"]);
  });

  test("that floods a visitor who reads nothing is cut off, and leaves the others their service", async () => {
    const slow = await PreviewSocket.open(`${server.url}flood`);
    // A negative number is that of a connection that was closed.
    const flooded = async () => Number((await visit(`${server.url}flooded`)).text);
    await until("the program is cut off", async () => (await flooded()) < 0, 20);
    let last = await slow.next();
    for (let frame = last; frame && frame.kind !== "close"; frame = await slow.next()) last = frame;
    assert.equal(last?.kind, "binary");
    const large = await begin(`${server.url}large`);
    large.pause();
    for (let round = 0; round < 20; round++) assert.equal((await visit(`${server.url}n`)).status, 200);
    slow.destroy();
    large.destroy();
  });
});

describe("an exposed port", TIME_LIMIT, () => {
  test("is reached by IPv6, says that nothing listens, and is not its neighbour's", async () => {
    const { sandbox, url } = await withServer();
    const other = await create();
    await json(200, await call("POST", `${other}/exec`, { command: "true" }));
    const foreign = (await expose(other, { port: 8000 })) as { url: string };
    const page = await visit(foreign.url, { headers: { accept: "text/html" } });
    assert.deepEqual([page.status, page.headers["content-type"]], [502, "text/html; charset=utf-8"]);
    assert.equal((JSON.parse((await visit(foreign.url)).text) as Json).code, "port_not_listening");
    const mixed = new URL(url);
    const [, id = ""] = new URL(foreign.url).hostname.split("-");
    mixed.hostname = mixed.hostname.replace(/-[a-z2-7]{26}-/, `-${id}-`);
    assert.equal((await visit(mixed.href)).status, 404, "the token is that of another sandbox");
    await listen(sandbox, "node server.cjs 8001 ::1", 8001);
    const six = (await expose(sandbox, { port: 8001 })) as { url: string };
    assert.deepEqual([(await visit(six.url)).status, (await visit(url)).status], [200, 200]);
    await call("DELETE", sandbox);
    assert.equal((await visit(url)).status, 404);
    await call("DELETE", other);
  });

  test("wakes its sandbox by a page, and not by a socket or a wrong token", async () => {
    const { sandbox, url } = await withServer();
    await json(200, await call("POST", `${sandbox}/sleep`));
    const status = async () => (await json(200, await call("GET", sandbox))).status as string;
    await assert.rejects(PreviewSocket.open(`${url}ws`), /503/);
    assert.equal((await visit(url.replace(/-([a-z0-9]{16})\./, "-aaaaaaaaaaaaaaaa."))).status, 404);
    assert.equal(await status(), "sleeping");
    const waking = await visit(url, { headers: { accept: "text/html" } });
    assert.deepEqual([waking.status, waking.headers["retry-after"]], [503, "2"]);
    await until("it runs", async () => (await status()) === "running");
    assert.equal((JSON.parse((await visit(url)).text) as Json).code, "port_not_listening", "its processes have ended");
    await listen(sandbox, "node server.cjs");
    assert.equal((await visit(url)).status, 200);
    await call("DELETE", sandbox);
  });

  test("tells a server of Vite its hosts", async () => {
    const sandbox = await create();
    const { stdout } = await json(200, await call("POST", `${sandbox}/exec`, { command: "echo $__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS" }));
    assert.equal(stdout, ".localhost\n");
    const own = await create({ env: { __VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS: "mine" } });
    assert.equal((await json(200, await call("POST", `${own}/exec`, { command: "echo $__VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS" }))).stdout, "mine\n");
    await Promise.all([call("DELETE", sandbox), call("DELETE", own)]);
  });

  test("of another project is not found", async () => {
    const sandbox = await create();
    const stranger = { authorization: `Bearer ${docle.worker.newKey()}` };
    assert.equal((await problem(401, await call("POST", `${sandbox}/ports`, { port: 80 }, stranger))).code, "invalid_api_key");
    await call("DELETE", sandbox);
  });

  for (const [name, program] of Object.entries(HOSTILE)) {
    test(`whose program answers with ${name} is an error, and its sandbox goes on`, async () => {
      const sandbox = await create();
      await write(sandbox, "hostile.py", program);
      await listen(sandbox, "python3 hostile.py");
      const { url } = (await expose(sandbox, { port: 8000, public: true })) as { url: string };
      for (let round = 0; round < 3; round++) {
        const answer = await visit(url);
        assert.deepEqual([answer.status, (JSON.parse(answer.text) as Json).code], [502, "port_no_answer"]);
      }
      assert.equal((await json(200, await call("POST", `${sandbox}/exec`, { command: "echo on" }))).stdout, "on\n");
      await call("DELETE", sandbox);
    });
  }
});
