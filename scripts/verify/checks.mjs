//! What must hold of a deployment. Each check uses it as a client does; none changes anything but the history of the key.

import { randomUUID } from "node:crypto";

/** @typedef {import("./verify.mjs").Check} Check @typedef {import("./client.mjs").Answer} Answer */

/** @param {boolean} holds @param {string} sentence */
function must(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

/** The result of a run that must have ended so. @param {Answer} answer @param {string} status */
function result(answer, status = "success") {
  must(answer.status === 200, `the run was answered ${answer.status}: ${answer.json?.message ?? answer.text.slice(0, 100)}`);
  must(answer.json?.status === status, `the run ended as ${answer.json?.status}: ${answer.json?.stderr}`);
  return answer.json;
}

/** A refusal that must be a problem with this status and code. @param {Answer} answer @param {number} status @param {string} code */
function refusal(answer, status, code) {
  must(answer.status === status, `it was answered ${answer.status} instead of ${status}`);
  must(answer.headers.get("content-type")?.startsWith("application/problem+json") === true, "the refusal is no problem document");
  must(answer.json?.code === code, `its code is ${answer.json?.code} instead of ${code}`);
  must(typeof answer.json?.requestId === "string", "it has no requestId");
  return `${status} ${code}`;
}

const python = (/** @type {string} */ code, policy = {}) => ({ lang: "python", code, policy });

/** @type {Check[]} */
export const checks = [
  {
    name: "the service is healthy",
    run: async (client) => {
      const { status, json } = await client.call("/health");
      must(status === 200 && json?.status === "ok", `GET /health was answered ${status}: ${json?.status}`);
      return `${json.status}`;
    },
  },
  {
    name: "the first run, which may start a container",
    run: async (client) => {
      const { stdout } = result(await client.run(python("print(40 + 2)", { timeoutMs: 30_000 })));
      must(stdout === "42\n", `it printed ${JSON.stringify(stdout)}`);
      return "python printed 42";
    },
  },
  {
    name: "a warm run in Node",
    run: async (client) => {
      const { stdout, usage } = result(await client.run({ lang: "node", code: "console.log(6 * 7)" }));
      must(stdout === "42\n", `it printed ${JSON.stringify(stdout)}`);
      return `node printed 42 in ${usage.durationMs} ms`;
    },
  },
  {
    name: "each run has a machine of its own",
    run: async (client) => {
      result(await client.run(python("open('/tmp/left', 'w').write('x'); open('left', 'w').write('x')")));
      const { stdout } = result(await client.run(python("import os; print(os.path.exists('/tmp/left'), os.path.exists('left'))")));
      must(stdout === "False False\n", "a run saw the files of the one before");
      return "no file of the last run is there";
    },
  },
  {
    name: "a run reaches no network",
    run: async (client) => {
      const code = "import socket\ntry:\n  socket.create_connection(('1.1.1.1', 443), 2); print('open')\nexcept OSError as error: print('closed')";
      const { stdout } = result(await client.run(python(code, { timeoutMs: 10_000 })));
      must(stdout === "closed\n", "a run without allowNetwork reached the internet");
      return "1.1.1.1:443 is out of reach";
    },
  },
  {
    name: "the clock ends a run",
    run: async (client) => {
      const { exitCode, stdout } = result(await client.run(python("print('begun', flush=True)\nwhile True: pass", { timeoutMs: 500 })), "timeout");
      must(exitCode === 124 && stdout === "begun\n", `exit code ${exitCode}, output ${JSON.stringify(stdout)}`);
      return "timeout, with the output so far";
    },
  },
  {
    name: "memory is limited",
    run: async (client) => {
      const { status, json } = await client.run(python("a = bytearray(600 << 20)\nfor i in range(0, len(a), 4096): a[i] = 1\nprint('got it')", { memoryMB: 64, timeoutMs: 10_000 }));
      must(status === 200 && json?.ok === false && !json.stdout.includes("got it"), "a run got ten times its memory");
      return `${json.status}`;
    },
  },
  {
    name: "output streams as it is written",
    run: async (client) => {
      const answer = await client.run(python("print('one', flush=True)\nprint('two')"), { accept: "text/event-stream" });
      must(answer.status === 200, `it was answered ${answer.status}`);
      const names = Array.from(answer.text.matchAll(/^event: (\w+)$/gm), ([, name]) => name);
      must(names[0] === "start" && names.at(-1) === "complete" && names.includes("stdout"), `its events are ${names.join(", ")}`);
      return names.join(", ");
    },
  },
  {
    name: "a WebSocket run takes input",
    run: async (client) => {
      const events = await client.talk(python("print('Hello ' + input('Name? '))", { timeoutMs: 20_000 }), "Ada\n");
      const end = events.at(-1);
      must(end?.type === "complete" && end.stdout === "Name? Hello Ada\n", `it ended with ${JSON.stringify(end)?.slice(0, 150)}`);
      return "Name? Hello Ada";
    },
  },
  {
    name: "a result can be read again by its id",
    run: async (client) => {
      const { id, stdout } = result(await client.run(python("print('kept')")));
      const again = await client.call(`/api/run/${id}`, { headers: { authorization: `Bearer ${client.key}` } });
      must(again.status === 200 && again.json?.stdout === stdout, `GET /api/run/${id} was answered ${again.status}`);
      return `${id}`;
    },
  },
  {
    name: "an idempotency key runs once",
    run: async (client) => {
      const headers = { "idempotency-key": `verify-${randomUUID()}` };
      const [first, second] = [result(await client.run(python("print(1)"), headers)), result(await client.run(python("print(1)"), headers))];
      must(first.id === second.id, "the same call ran twice");
      return "the same call, the same run";
    },
  },
  {
    name: "the rate limit is told and counts",
    run: async (client) => {
      const rest = async () => Number((await client.run(python("print(1)"))).headers.get("x-ratelimit-remaining") ?? NaN);
      const [before, after] = [await rest(), await rest()];
      must(after < before, `X-RateLimit-Remaining was ${before}, then ${after}`);
      return `${after} calls are left in this minute`;
    },
  },
  {
    name: "bad input is named",
    run: async (client) => {
      const answer = await client.run({ lang: "python", code: "print(1)", polcy: {} });
      const said = refusal(answer, 400, "invalid_request");
      must(JSON.stringify(answer.json.errors).includes("polcy"), "the error does not name the field");
      return said;
    },
  },
  {
    name: "a call without a key is refused",
    run: async (client) => refusal(await client.call("/api/run", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }), 401, "api_key_required"),
  },
  {
    name: "a made-up key is refused",
    run: async (client) => {
      const headers = { authorization: `Bearer sk_live_${"0".repeat(48)}`, "content-type": "application/json" };
      return refusal(await client.call("/api/run", { method: "POST", headers, body: JSON.stringify(python("print(1)")) }), 401, "invalid_api_key");
    },
  },
  {
    name: "a made-up run is not found",
    run: async (client) => refusal(await client.call(`/api/run/${randomUUID()}`), 404, "run_not_found"),
  },
  {
    name: "pages of any origin may call with a key",
    run: async (client) => {
      const headers = { origin: "https://verify.example", "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" };
      const { status, headers: answered } = await client.call("/api/run", { method: "OPTIONS", headers });
      must(status === 204 && answered.get("access-control-allow-origin") === "*", `the preflight was answered ${status}`);
      must(!answered.has("access-control-allow-credentials"), "it allows credentials of every origin");
      return "the preflight allows it, without credentials";
    },
  },
  {
    name: "nobody sees the login links of others",
    run: async (client) => {
      const { status } = await client.call("/auth/outbox");
      const isLocal = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(client.url);
      must(status === 404 || isLocal, `GET /auth/outbox was answered ${status}: this deployment is set to development`);
      return status === 404 ? "there is no outbox" : "an outbox, on this machine only";
    },
  },
  {
    name: "the API describes itself",
    run: async (client) => {
      const { status, json } = await client.call("/openapi.json");
      must(status === 200 && json?.paths?.["/api/run"]?.post !== undefined, `GET /openapi.json was answered ${status}`);
      return `OpenAPI ${json.openapi}, ${Object.keys(json.paths).length} paths`;
    },
  },
];
