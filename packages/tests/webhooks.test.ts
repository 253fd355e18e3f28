//! `@doclehq/sdk/webhooks`, from its tarball: what the service sends is verified, and nothing else.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Webhook } from "standardwebhooks";
import { json, Platform } from "../../tests/harness/platform.ts";
import { Receiver } from "../../tests/harness/receiver.ts";
import { until } from "../../tests/harness/until.ts";
import type * as Webhooks from "../sdk/src/webhooks.ts";
import { install, load } from "./packed.ts";
import type * as Sdk from "../sdk/src/index.ts";

const installed = install("sdk");
const { Docle } = (await load(installed)) as typeof Sdk;
const { verifyWebhook, WebhookVerificationError } = (await import(pathToFileURL(join(installed.package, "dist", "webhooks.js")).href)) as typeof Webhooks;
after(() => installed.remove());

const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const other = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;
const now = new Date("2026-01-31T12:00:00Z");
const body = JSON.stringify({ type: "run.completed", data: { stdout: "é\n" } });

/** The headers of a message that was signed so many seconds ago. */
function signed(by = secret, age = 0): Record<string, string> {
  const at = new Date(now.getTime() - age * 1_000);
  return { "webhook-id": "msg_1", "webhook-timestamp": `${at.getTime() / 1_000}`, "webhook-signature": new Webhook(by).sign("msg_1", at, body) };
}

const refused = (headers: Webhooks.WebhookHeaders, text: string | Uint8Array = body, secrets: string | string[] = secret) =>
  assert.rejects(verifyWebhook(text, headers, secrets, now), WebhookVerificationError);

test("a message that is signed by the secret is read, whatever form it has", async () => {
  const message = JSON.parse(body) as object;
  assert.deepEqual(await verifyWebhook(body, signed(), secret, now), message);
  assert.deepEqual(await verifyWebhook(Buffer.from(body), new Headers(signed()), secret, now), message);
  assert.deepEqual(await verifyWebhook(body, signed(), [other, secret], now), message);
  const both = { ...signed(), "webhook-signature": `v1a,x ${signed(other)["webhook-signature"]} ${signed()["webhook-signature"]}` };
  assert.deepEqual(await verifyWebhook(body, both, secret, now), message);
  assert.deepEqual(await verifyWebhook(body, signed(secret, 299), secret, now), message);
  assert.deepEqual(await verifyWebhook(body, signed(secret, -299), secret, now), message);
});

test("every other message is refused", async () => {
  await refused(signed(other));
  await refused(signed(), `${body} `);
  await refused(signed(), body, []);
  await refused(signed(secret, 301));
  await refused(signed(secret, -301));
  await refused({ ...signed(), "webhook-id": "msg_2" });
  await refused({ ...signed(), "webhook-timestamp": `${now.getTime() / 1_000 + 1}` });
  for (const time of ["", "NaN", "1e9", "-1", "0x1"]) await refused({ ...signed(), "webhook-timestamp": time });
  const plain = createHmac("sha256", Buffer.alloc(32, 1)).update(body).digest("base64");
  for (const signature of ["", "v1,", "v1,é", `v1,${plain}`, `v2,${signed()["webhook-signature"]?.slice(3)}`, signed()["webhook-signature"]?.slice(0, -4)]) {
    await refused({ ...signed(), "webhook-signature": signature });
  }
  for (const name of Object.keys(signed())) await refused({ ...signed(), [name]: undefined });
  await assert.rejects(verifyWebhook(body, signed(), "", now), TypeError);
});

test("the report of a run of this client is verified", async (context) => {
  const [platform, receiver] = await Promise.all([Platform.start(), Receiver.start()]);
  context.after(async () => {
    receiver.stop();
    await platform.stop();
  });
  const ada = await platform.signIn("ada@example.com");
  const { id: project } = await json(201, await ada.call("POST", "/api/projects", { name: "Shop" }));
  const { key } = await json(201, await ada.call("POST", `/api/projects/${project}/keys`, {}));
  const { secret: made } = await json(201, await ada.call("POST", `/api/projects/${project}/webhook-secret`));
  const docle = new Docle({ apiKey: key, baseUrl: platform.worker.url });
  const { id } = await docle.run({ lang: "python", code: "print(1)", detach: true, webhook: { url: receiver.url() } });
  await until("the report", () => receiver.received.length === 1);
  const [received] = receiver.received;
  assert.ok(received);
  const { type, data } = await verifyWebhook(received.body, received.headers, made);
  assert.deepEqual([type, data.id, data.stdout, data.shortened], ["run.completed", id, "1\n", { stdout: false, stderr: false }]);
});
