//! Terminals of sandboxes as their users meet them: the real runner behind the real Worker.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { after, before, describe, test } from "node:test";
import { Docle, problem } from "../harness/docle.ts";
import { PreviewSocket } from "../harness/preview.ts";
import { json, type Json, sandboxApi } from "../harness/sandbox-api.ts";
import { until } from "../harness/until.ts";

const docle = await Docle.start();
after(() => docle.stop());

const { call, create } = sandboxApi(docle);
const TIME_LIMIT = { timeout: 120_000 };

/** A person at a terminal. */
class Viewer {
  readonly socket: PreviewSocket;
  output = "";
  readonly told: Json[] = [];
  closed: number | undefined;

  private constructor(socket: PreviewSocket) {
    this.socket = socket;
    void this.#read();
  }

  static async open(sandbox: string, query = "session=main", headers: Record<string, string> = { authorization: `Bearer ${docle.worker.key}` }): Promise<Viewer> {
    return new Viewer(await PreviewSocket.open(`${docle.worker.url}${sandbox}/terminal?${query}`, headers));
  }

  async #read(): Promise<void> {
    for (let frame = await this.socket.next(); frame; frame = await this.socket.next()) {
      if (frame.kind === "binary") this.output += frame.bytes.toString("latin1");
      if (frame.kind === "text") this.told.push(JSON.parse(frame.text) as Json);
      if (frame.kind === "close") this.closed = frame.code;
    }
    this.closed ??= 1006;
  }

  type(text: string): void {
    this.socket.send(Buffer.from(text));
  }

  say(message: Json): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Waits until the output has a text. What was typed is echoed, so a test looks for what only a program writes. */
  async shows(text: string): Promise<void> {
    await until(`"${text}"`, () => this.output.includes(text)).catch((error: unknown) => assert.fail(`${String(error)}; it shows: ${JSON.stringify(this.output.slice(-500))}`));
  }

  hears(type: string): Promise<void> {
    return until(type, () => this.told.some((message) => message.type === type));
  }
}

/** The status of a refused handshake, with its problem. */
async function refused(path: string, headers: Record<string, string>): Promise<[number | undefined, string]> {
  const handshake = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": Buffer.alloc(16).toString("base64") };
  const asked = request(`${docle.worker.url}${path}`, { headers: { ...handshake, ...headers } });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return [response.statusCode, (JSON.parse(text) as Json).code as string];
}

describe("a terminal", TIME_LIMIT, () => {
  let sandbox: string;
  before(async () => (sandbox = await create()));
  after(() => call("DELETE", sandbox));

  test("was not ended with its session, if that was never made", async () => {
    const viewer = await Viewer.open(sandbox, "session=unmade");
    await viewer.hears("ready");
    assert.equal((await call("DELETE", `${sandbox}/sessions/unmade`)).status, 204);
    await viewer.hears("exit");
    assert.equal((await problem(404, await call("DELETE", `${sandbox}/sessions/unmade`))).code, "sandbox_session_not_found");
  });

  test("is a shell with a real terminal, its size, and signals as a person types them", async () => {
    const viewer = await Viewer.open(sandbox, "session=first&cols=100&rows=30");
    await viewer.hears("ready");
    viewer.type("tty; stty size; echo $((6 * 7))-$TERM\n");
    await viewer.shows("42-xterm-256color");
    assert.match(viewer.output, /\/dev\/pts\/\d+\r\n30 100\r\n/);
    viewer.say({ type: "resize", cols: 120, rows: 40 });
    viewer.type("until [ \"$(stty size)\" = '40 120' ]; do :; done; echo re''sized\n");
    await viewer.shows("resized");
    viewer.type("echo rea''dy; cat\n");
    await viewer.shows("ready\r\n");
    viewer.type("\x03");
    await viewer.shows("^C");
    viewer.type("echo cat-$?\n");
    await viewer.shows("cat-130");
    viewer.type("printf 'caf\\303\\251\\000\\377'; echo; echo fini''shed\n");
    await viewer.shows("finished");
    assert(viewer.output.includes("caf\xc3\xa9\0\xff"), JSON.stringify(viewer.output.slice(-200)));
    for (const wrong of [{ type: "nothing" }, { type: "resize", cols: 0, rows: 1 }, { type: "resize", cols: 80 }]) viewer.say(wrong);
    await until("three errors", () => viewer.told.filter(({ type }) => type === "error").length === 3);
    viewer.socket.destroy();
  });

  test("tells how its shell has ended, and the next viewer has a new one", async () => {
    const viewer = await Viewer.open(sandbox);
    await viewer.hears("ready");
    viewer.type("X=old; echo sa''id; exit 3\n");
    await until("it is closed", () => viewer.closed !== undefined);
    assert.deepEqual([viewer.told.at(-1), viewer.closed], [{ type: "exit", code: 3, signal: null }, 1000]);
    assert.match(viewer.output, /said/);
    const next = await Viewer.open(sandbox);
    await next.hears("ready");
    next.type("echo new-$X-shell; kill -9 $$\n");
    await until("it is closed", () => next.closed !== undefined);
    assert.match(next.output, /new--shell\r\n/);
    assert.doesNotMatch(next.output, /said/);
    assert.deepEqual(next.told.at(-1), { type: "exit", code: 137, signal: "SIGKILL" });
  });

  test("has several viewers, the smallest one's size, and its latest output for those who come later", async () => {
    const one = await Viewer.open(sandbox, "session=shared&cols=120&rows=50");
    await one.hears("ready");
    one.type("echo be''fore\n");
    await one.shows("before");
    const two = await Viewer.open(sandbox, "session=shared&cols=90&rows=60");
    const watching = await Viewer.open(sandbox, "session=shared&cols=10&rows=10&mode=view");
    await Promise.all([two.hears("ready"), watching.hears("ready")]);
    for (const viewer of [two, watching]) assert.match(viewer.output, /before/);
    two.type("until [ \"$(stty size)\" = '50 90' ]; do :; done; echo sma''llest\n");
    await Promise.all([one, two, watching].map((viewer) => viewer.shows("smallest")));
    watching.type("echo in''truder\n");
    watching.say({ type: "resize", cols: 11, rows: 11 });
    two.socket.close(1000);
    one.type("until [ \"$(stty size)\" = '50 120' ]; do :; done; echo lar''ger\n");
    await Promise.all([one, watching].map((viewer) => viewer.shows("larger")));
    assert.doesNotMatch(one.output, /intruder/);
    const other = await Viewer.open(sandbox, "session=other");
    await other.hears("ready");
    other.type("tty\n");
    await other.shows("/dev/pts/");
    assert.doesNotMatch(other.output, /before/);
    for (const viewer of [one, watching, other]) viewer.socket.destroy();
  });

  test("goes on without viewers, keeps 256 KiB, and has the directory and variables of its session", async () => {
    await json(201, await call("POST", `${sandbox}/sessions`, { id: "made", cwd: "/tmp", env: { COLOR: "blue" } }));
    const viewer = await Viewer.open(sandbox, "session=made");
    await viewer.hears("ready");
    viewer.type("pwd; echo $COLOR-$((1 + 1)); seq -w 1 99999; echo la''st > last; touch fin''ished\n");
    await viewer.shows("/tmp\r\nblue-2\r\n");
    viewer.socket.destroy();
    await until("it has gone on", async () => (await call("GET", `${sandbox}/files?path=/tmp/finished`)).status === 200);
    const later = await Viewer.open(sandbox, "session=made");
    await later.hears("ready");
    assert(later.output.length <= 256 << 10 && later.output.length > 200 << 10, `${later.output.length}`);
    assert.match(later.output, /^\d{5}\r\n[^]*99999\r\n/);
    later.type("echo st''ill\n");
    await later.shows("still");
    await call("DELETE", `${sandbox}/sessions/made`);
    await until("it is closed", () => later.closed !== undefined);
    assert.equal(later.told.at(-1)?.type, "exit");
  });

  test("whose viewer reads nothing neither grows nor stops the others", async () => {
    const slow = await PreviewSocket.open(`${docle.worker.url}${sandbox}/terminal?session=busy`, { authorization: `Bearer ${docle.worker.key}` });
    const viewer = await Viewer.open(sandbox, "session=busy");
    await viewer.hears("ready");
    viewer.type("head -c 30000000 /dev/zero | tr '\\0' x | fold -w 79; echo en''ough\n");
    await until("all of it", () => viewer.output.includes("enough"), 60);
    assert((await fetch(`${docle.worker.url}/health`)).ok);
    slow.destroy();
    viewer.socket.destroy();
  });

  test("needs a session and a caller who may", async () => {
    const key = { authorization: `Bearer ${docle.worker.key}` };
    assert.deepEqual(await refused(`${sandbox}/terminal`, key), [400, "invalid_request"]);
    assert.deepEqual(await refused(`${sandbox}/terminal?session=a%20b`, key), [400, "invalid_request"]);
    assert.deepEqual(await refused(`${sandbox}/terminal?session=a&cols=0`, key), [400, "invalid_request"]);
    assert.deepEqual(await refused(`${sandbox}/terminal?session=a`, {}), [401, "session_required"]);
    assert.deepEqual(await refused(`${sandbox}/terminal?session=a`, { origin: "https://evil.example", cookie: "docle_session=a" }), [403, "foreign_origin"]);
    assert.deepEqual(await refused(`${sandbox}/terminal?session=a`, { authorization: `Bearer ${docle.worker.newKey()}` }), [401, "invalid_api_key"]);
    assert.equal((await problem(426, await call("GET", `${sandbox}/terminal?session=a`))).code, "upgrade_required");
    const page = await Viewer.open(sandbox, "session=page", { "sec-websocket-protocol": `docle, docle.key.${docle.worker.key}` });
    assert.equal(page.socket.headers["sec-websocket-protocol"], "docle");
    await page.hears("ready");
    page.socket.destroy();
  });

  test("wakes its sandbox, and keeps it from sleeping while it has a viewer", async () => {
    const sleeper = await create();
    await json(200, await call("POST", `${sleeper}/exec`, { command: "echo kept > file" }));
    await json(200, await call("POST", `${sleeper}/sleep`));
    const viewer = await Viewer.open(sleeper);
    await viewer.hears("ready");
    viewer.type("cat file\n");
    await viewer.shows("kept\r\n");
    assert.equal((await json(200, await call("POST", `${sleeper}/sleep`))).status, "running");
    viewer.socket.close(1000);
    await until("it sleeps", async () => (await json(200, await call("POST", `${sleeper}/sleep`))).status === "sleeping");
    await call("DELETE", sleeper);
  });
});
