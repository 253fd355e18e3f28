//! The memory of one isolate, 128 MB on the platform, which the Worker shares with all of its objects.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";
import { PROTOCOL } from "../harness/jobs.ts";
import { report } from "../harness/platform.ts";
import { startWorker } from "../harness/worker.ts";

const MEBIBYTE = 1_048_576;
const PIECE = Buffer.alloc(65_536, "x");

/** A file of 10 MiB that programs hand back if they are asked for files. */
const FILE = Buffer.alloc(10 * MEBIBYTE, "y");
const file = { name: "big.bin", size: FILE.length, mimeType: "application/octet-stream", sha256: createHash("sha256").update(FILE).digest("hex") };

/** Bytes of the file that was attached to the last job. */
let received = 0;

/** A runner whose programs all write 10 MiB to each stream, as fast as they are read, or hand back a file. */
const runner = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", async () => {
    const body = Buffer.concat(chunks);
    // The bytes of attached files follow the JSON of a job.
    const attached = /"attached":\[.*?"size":(\d+)/.exec(body.toString("latin1", 0, 2_000))?.[1];
    received = Number(attached ?? 0);
    const { artifacts } = JSON.parse(body.subarray(0, body.length - received).toString() || "{}") as { artifacts?: object };
    response.writeHead(200, { "docle-protocol": PROTOCOL, "content-type": "application/x-ndjson" });
    const send = (event: object) => new Promise<void>((resolve) => (response.write(`${JSON.stringify(event)}\n`) ? resolve() : response.once("drain", resolve)));
    await send({ type: "start" });
    if (received > 0) {
      response.end(`${JSON.stringify({ type: "complete", report })}\n`);
      return;
    }
    if (artifacts) {
      await send({ type: "artifact_start", index: 0, file, isInline: false });
      for (let sent = 0; sent < FILE.length; sent += PIECE.length) await send({ type: "artifact", index: 0, data: FILE.subarray(sent, sent + PIECE.length).toString("base64") });
      response.end(`${JSON.stringify({ type: "complete", report: { ...report, artifacts: [file] } })}\n`);
      return;
    }
    for (let sent = 0; sent < 10 * MEBIBYTE; sent += PIECE.length) {
      for (const type of ["stdout", "stderr"]) await send({ type, data: PIECE.toString("base64") });
    }
    response.end(`${JSON.stringify({ type: "complete", report })}\n`);
  });
});
await new Promise<void>((resolve) => runner.listen(0, "127.0.0.1", resolve));

const vars = { SANDBOX_URL: `http://127.0.0.1:${(runner.address() as AddressInfo).port}`, SANDBOX_SECRET: "large" };
const worker = await startWorker(vars, { entry: inRoot("tests", "production", "memory.mjs") });
after(async () => {
  await worker.stop();
  runner.closeAllConnections();
  runner.close();
});

/** The bytes of the Worker's memory. */
async function memory(): Promise<number> {
  const sizes = (await (await fetch(`${worker.url}/memory`)).json()) as number[];
  assert.equal(sizes.length, 1, "one instance of the Worker");
  return sizes[0] ?? 0;
}

/** Runs a program; answers with the bytes of its output that arrived. */
async function run(headers: Record<string, string> = {}): Promise<number> {
  const init = { method: "POST", headers: { authorization: `Bearer ${worker.key}`, "content-type": "application/json", ...headers } };
  const policy = { maxOutputBytes: 10 * MEBIBYTE };
  const response = await fetch(`${worker.url}/api/run`, { ...init, body: JSON.stringify({ lang: "python", code: "print(1)", policy }) });
  assert.equal(response.status, 200);
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += (chunk as Uint8Array).length;
  return bytes;
}

test("a file of ten mebibytes passes through the Worker in pieces", async () => {
  assert.equal((await fetch(`${worker.url}/health`)).status, 200);
  const before = await memory();
  const init = { method: "POST", headers: { authorization: `Bearer ${worker.key}`, "content-type": "application/json" } };
  const response = await fetch(`${worker.url}/api/run`, { ...init, body: JSON.stringify({ lang: "python", code: "", artifacts: ["*"] }) });
  const { artifacts } = (await response.json()) as { artifacts: { url: string }[] };
  const bytes = Buffer.from(await (await fetch(artifacts[0]?.url ?? "")).arrayBuffer());
  assert.ok(bytes.equals(FILE));
  const grown = (await memory()) - before;
  assert.ok(grown <= 2 * MEBIBYTE, `grew by ${grown} bytes`);
});

test("a form with ten mebibytes passes through the Worker beside its memory", async () => {
  const before = await memory();
  const form = new FormData();
  form.append("request", JSON.stringify({ lang: "python" }));
  form.append("files", new Blob(["print(1)"]), "main.py");
  form.append("files", new Blob([FILE.subarray(0, 10 * MEBIBYTE - 4_096)]), "big.bin");
  const response = await fetch(`${worker.url}/api/run`, { method: "POST", headers: { authorization: `Bearer ${worker.key}` }, body: form });
  assert.equal(response.status, 200, await response.text());
  assert.equal(received, 10 * MEBIBYTE - 4_096);
  const grown = (await memory()) - before;
  assert.ok(grown <= 2 * MEBIBYTE, `grew by ${grown} bytes`);
});

test("a run with twenty mebibytes of output took all memory of its isolate", async () => {
  assert.equal((await fetch(`${worker.url}/health`)).status, 200);
  const before = await memory();
  assert.ok((await run()) > 20 * MEBIBYTE);
  assert.ok((await run({ accept: "text/event-stream" })) > 20 * MEBIBYTE);
  const grown = (await memory()) - before;
  assert.ok(grown <= 8 * MEBIBYTE, `grew by ${grown} bytes`);
});
