//! Webhooks: a receiver gets the end of a detached run, signed, again if it does not accept it, and nothing else.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Webhook } from "standardwebhooks";
import { problem } from "../harness/docle.ts";
import { json, Platform } from "../harness/platform.ts";
import { Receiver } from "../harness/receiver.ts";
import { Runner } from "../harness/runner.ts";
import { until } from "../harness/until.ts";

const runner = await Runner.start();
const platform = await Platform.start({ SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret });
const receiver = await Receiver.start();
after(async () => {
  receiver.stop();
  await platform.stop();
  await runner.stop();
});

const ada = await platform.signIn("ada@example.com");
const { id: project } = await json(201, await ada.call("POST", "/api/projects", { name: "Shop" }));
const { key } = await json(201, await ada.call("POST", `/api/projects/${project}/keys`, {}));
const secretPath = `/api/projects/${project}/webhook-secret`;
const makeSecret = async (): Promise<string> => (await json(201, await ada.call("POST", secretPath))).secret;
const first = await makeSecret();

interface Delivery {
  id: string;
  run_id: string;
  host: string;
  state: string;
  next_attempt_at: string | null;
  attempts: { at: string; status: number | null; error: string | null }[];
}

/** Starts a run whose end is reported to a path of the receiver. */
async function detach(path: string, body: object = {}): Promise<string> {
  const program = { lang: "python", code: "print(input())", stdin: "hello", detach: true, webhook: { url: receiver.url(path) }, ...body };
  return (await json(202, await platform.run(key, {}, program))).id;
}

async function deliveries(): Promise<Delivery[]> {
  return (await json(200, await ada.call("GET", `/api/projects/${project}/webhook-deliveries`))).deliveries;
}

/** The report of a run, once it is as a test expects. */
async function delivery(run: string, isReady: (delivery: Delivery) => boolean, seconds = 30): Promise<Delivery> {
  let found: Delivery | undefined;
  await until(`the report of ${run}`, async () => {
    found = (await deliveries()).find(({ run_id }) => run_id === run);
    return found !== undefined && isReady(found);
  }, seconds);
  return found as Delivery;
}

const isDelivered = ({ state }: Delivery) => state === "delivered";
const headers = (received: { headers: object }) => received.headers as Record<string, string>;

test("a receiver gets the result as anybody reads it, and a published library verifies it", async () => {
  const run = await detach("/result?token=hush", { args: ["whisper"], env: { TOKEN: "hush-hush" } });
  const listed = await delivery(run, isDelivered);
  assert.deepEqual([listed.host, listed.next_attempt_at, listed.attempts.map(({ status, error }) => [status, error])], ["127.0.0.1", null, [[204, null]]]);
  assert.ok(!JSON.stringify(listed).includes("hush"), "the list has no URL");
  const [received] = receiver.at("/result?token=hush");
  assert.ok(received);
  assert.equal(headers(received)["webhook-id"], listed.id);
  assert.equal(headers(received)["content-type"], "application/json");
  const message = new Webhook(first).verify(received.body, headers(received)) as { type: string; timestamp: string; data: object };
  const { shortened, ...result } = message.data as { shortened: object };
  assert.deepEqual([message.type, shortened], ["run.completed", { stdout: false, stderr: false }]);
  assert.deepEqual(result, await json(200, await platform.fetch(`/api/run/${run}`)));
  for (const input of ["hush-hush", "TOKEN", "whisper", "print(input())"]) assert.ok(!received.body.includes(input), input);
  assert.throws(() => new Webhook(first).verify(`${received.body} `, headers(received)));
});

test("a run that fails and one that is cancelled are reported as well", async () => {
  const failing = await detach("/failed", { code: "raise SystemExit(3)" });
  await delivery(failing, isDelivered);
  const endless = await detach("/cancelled", { code: "import time\ntime.sleep(600)", policy: { timeoutMs: 300_000 } });
  await until("its start", async () => (await json(200, await platform.fetch(`/api/run/${endless}`))).status === "running");
  await json(200, await platform.fetch(`/api/run/${endless}`, { method: "DELETE", headers: { authorization: `Bearer ${key}` } }));
  await delivery(endless, isDelivered);
  const statuses = ["/failed", "/cancelled"].map((path) => receiver.at(path).map(({ body }) => JSON.parse(body).data.status));
  assert.deepEqual(statuses, [["error"], ["cancelled"]]);
});

test("long output is cut, marked, and whole in the result", async () => {
  const run = await detach("/long", { code: "print('é' * 400_000)" });
  await delivery(run, isDelivered);
  const { data } = JSON.parse(receiver.at("/long")[0]?.body ?? "");
  assert.deepEqual([data.stdout, data.shortened], ["é".repeat(32_768), { stdout: true, stderr: false }]);
  const whole = await json(200, await platform.fetch(`/api/run/${run}`));
  assert.equal(whole.stdout.length, 400_001);
});

test("a receiver that fails gets the same message again, also after a restart of every object", async () => {
  receiver.replies.push(500);
  const run = await detach("/again");
  await delivery(run, ({ attempts }) => attempts[0]?.status === 500);
  await platform.worker.reset();
  const listed = await delivery(run, isDelivered);
  assert.deepEqual(listed.attempts.map(({ status }) => status), [500, 204]);
  const messages = receiver.at("/again").map((one) => [headers(one)["webhook-id"], one.body]);
  assert.deepEqual(messages, [messages[0], messages[0]]);
  for (const one of receiver.at("/again")) new Webhook(first).verify(one.body, headers(one));
});

test("a redirection is a failure and is not followed", async () => {
  receiver.replies.push({ status: 302, headers: { location: receiver.url("/elsewhere") } });
  const run = await detach("/redirected");
  const { attempts } = await delivery(run, isDelivered);
  assert.deepEqual(attempts.map(({ status, error }) => [status, error]), [[302, null], [204, null]]);
  assert.deepEqual(receiver.at("/elsewhere"), []);
});

test("a receiver that does not answer holds up neither runs nor other receivers", async () => {
  receiver.replies.push("silence");
  const slow = await detach("/slow");
  await until("its request", () => receiver.at("/slow").length === 1);
  await delivery(await detach("/quick"), isDelivered);
  const { attempts } = await delivery(slow, ({ attempts: [attempt] }) => attempt?.error !== "interrupted");
  assert.deepEqual([attempts[0]?.status, attempts[0]?.error], [null, "timeout"]);
  await delivery(slow, isDelivered);
});

test("a receiver that is not there is noted as such", async () => {
  const gone = await Receiver.start();
  const url = gone.url();
  gone.stop();
  const run = await detach("/", { webhook: { url } });
  const { attempts, state } = await delivery(run, ({ attempts: [attempt] }) => attempt !== undefined && attempt.error !== "interrupted");
  assert.deepEqual([attempts[0]?.status, attempts[0]?.error, state], [null, "unreachable", "pending"]);
  assert.ok(!platform.worker.logs.some((line) => line.includes(url)), "no log has the URL");
});

test("during a rotation both secrets verify, and a project without one takes no webhook", async () => {
  const second = await makeSecret();
  const run = await detach("/rotated");
  await delivery(run, isDelivered);
  const [received] = receiver.at("/rotated");
  assert.ok(received);
  assert.equal(headers(received)["webhook-signature"]?.split(" ").length, 2);
  for (const secret of [first, second]) new Webhook(secret).verify(received.body, headers(received));
  assert.equal((await ada.call("DELETE", secretPath)).status, 204);
  assert.deepEqual(await deliveries(), []);
  const webhook = { url: receiver.url("/none") };
  const refused = await problem(400, await platform.run(key, {}, { lang: "python", code: "1", detach: true, webhook }));
  assert.deepEqual(refused.errors?.map(({ field }) => field), ["webhook"]);
});
