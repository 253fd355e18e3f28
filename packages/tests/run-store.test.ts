//! What `useDocle` of React and Vue stands on: the states of runs, one after the other.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test, type TestContext } from "node:test";
import { Docle as Service } from "../../tests/harness/docle.ts";
import type * as Sdk from "../sdk/src/index.ts";
import { install, load } from "./packed.ts";

const installed = install("sdk");
const { RunStore, streamSandbox } = (await load(installed)) as typeof Sdk;
const service = await Service.start();
after(async () => {
  await service.stop();
  installed.remove();
});
const program = { lang: "python" as const, endpoint: service.worker.url, apiKey: service.worker.key };

/** A route of one's own; answers with its address. */
async function route(context: TestContext, handle: RequestListener): Promise<string> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/run`;
}

/** Resolves when the state is as it should be. */
const until = (store: Sdk.RunStore, isSo: (state: Sdk.RunState) => boolean) =>
  new Promise<Sdk.RunState>((resolve) => {
    const look = () => {
      if (!isSo(store.getState())) return;
      unsubscribe();
      resolve(store.getState());
    };
    const unsubscribe = store.subscribe(look);
    look();
  });

test("a run is idle, loading with its output, and then has a result", async () => {
  const store = new RunStore();
  assert.deepEqual(store.getState(), { loading: false, stdout: "", stderr: "", result: undefined, error: undefined });
  const ended = store.run("import time\nprint('first', flush=True)\ntime.sleep(0.5)\nprint('last')", program);
  assert.equal(store.getState().loading, true);
  const during = await until(store, ({ stdout }) => stdout !== "");
  assert.deepEqual([during.loading, during.stdout, during.result], [true, "first\n", undefined]);
  const result = await ended;
  assert.equal(result?.stdout, "first\nlast\n");
  assert.deepEqual(store.getState(), { loading: false, stdout: "first\nlast\n", stderr: "", result, error: undefined });
  store.reset();
  assert.equal(store.getState().result, undefined);
});

test("a run that another one takes the place of shows nothing more", async () => {
  const store = new RunStore();
  const first = store.run("import time\nprint('old', flush=True)\ntime.sleep(3)", program);
  await until(store, ({ stdout }) => stdout === "old\n");
  const second = store.run("print('new')", program);
  assert.deepEqual([store.getState().stdout, await first], ["", undefined]);
  assert.equal((await second)?.stdout, "new\n");
  assert.equal(store.getState().stdout, "new\n");
});

test("a cancelled run keeps its output, and is no error", async () => {
  const store = new RunStore();
  const run = store.run("import time\nprint('so far', flush=True)\ntime.sleep(3)", program);
  await until(store, ({ stdout }) => stdout !== "");
  store.cancel();
  assert.equal(await run, undefined);
  assert.deepEqual(store.getState(), { loading: false, stdout: "so far\n", stderr: "", result: undefined, error: undefined });
});

test("what goes wrong is in the state, and the next run forgets it", async (context) => {
  const store = new RunStore();
  assert.equal(await store.run("print(1)", { ...program, apiKey: "sk_live_unknown" }), undefined);
  assert.equal((store.getState().error as Sdk.DocleError).code, "invalid_api_key");
  await store.run("print(1)", { endpoint: program.endpoint, apiKey: program.apiKey });
  assert.match(store.getState().error?.message ?? "", /needs a language/);
  await store.run("print(1)", { ...program, token: () => Promise.reject(new Error("signed out")) });
  assert.deepEqual([store.getState().loading, store.getState().error?.message], [false, "signed out"]);
  const nothing = await route(context, (_, response) => void response.destroy());
  await store.run("print(1)", { ...program, endpoint: nothing });
  assert.equal(store.getState().error?.name, "DocleConnectionError");
  assert.equal((await store.run("print(1)", program))?.stdout, "1\n");
  assert.equal(store.getState().error, undefined);
});

test("a listener hears of many small writes a frame at a time", async (context) => {
  const lines = 2_000;
  const address = await route(context, (_, response) => {
    response.setHeader("content-type", "text/event-stream");
    for (let line = 0; line < lines; line += 1) response.write(`data: {"type":"stdout","data":"${line}\\n"}\n\n`);
    response.end(`data: {"type":"complete","stdout":"all","stderr":""}\n\n`);
  });
  const store = new RunStore();
  let changes = 0;
  store.subscribe(() => (changes += 1));
  await store.run("", { ...program, endpoint: address });
  assert.equal(store.getState().stdout, "all");
  assert.ok(changes < lines / 4, `${changes} changes for ${lines} writes`);
});

test("a route that answers with a result gives the output at the end", async (context) => {
  const address = await route(context, (_, response) => void response.setHeader("content-type", "application/json").end('{"ok":true,"stdout":"out","stderr":"err","exitCode":0}'));
  const events = await Array.fromAsync(streamSandbox("", { ...program, endpoint: address }));
  assert.deepEqual(events.map(({ type }) => type), ["stdout", "stderr", "complete"]);
});

test("a run through a route of one's own was repeated when its stream broke", async (context) => {
  let calls = 0;
  const address = await route(context, (_, response) => {
    calls += 1;
    response.setHeader("content-type", "text/event-stream").write('data: {"type":"stdout","data":"a"}\n\n', () => response.destroy());
  });
  await assert.rejects(Array.fromAsync(streamSandbox("", { ...program, endpoint: address })), { name: "DocleConnectionError" });
  assert.equal(calls, 1);
});
