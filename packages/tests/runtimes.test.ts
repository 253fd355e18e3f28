//! The packages for servers, from their tarballs, in each runtime that they name: other versions of Node, Bun and Deno.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { Docle as Service } from "../../tests/harness/docle.ts";
import { install } from "./packed.ts";
import { programOf, RUNTIMES } from "./runtimes.ts";

const [sdk, limiter] = [install("sdk"), install("rate-limit")];
const service = await Service.start();
after(async () => {
  await service.stop();
  sdk.remove();
  limiter.remove();
});

/** Prints what a program of a user would find, as JSON. */
const program = `
import { Docle, DocleError, DocleTimeoutError, runSandbox } from "@doclehq/sdk";
import * as Sandboxes from "@doclehq/sdk/sandboxes";
const docle = new Docle();
const found = {};
found.sandboxes = typeof Sandboxes;
found.run = (await runSandbox("print(1 + 1)", { lang: "python" })).stdout;
found.stream = "";
for await (const event of docle.stream({ lang: "python", code: "for i in range(3): print(i, flush=True)" })) if (event.type === "stdout") found.stream += event.data;
found.left = "";
for await (const event of docle.stream({ lang: "python", code: "import time; print('begun', flush=True); time.sleep(20)", policy: { timeoutMs: 30000 } })) if (event.type === "stdout") { found.left = event.data; break; }
found.headers = (await docle.languages().withResponse()).response.headers.get("content-type");
found.refused = await docle.run({ lang: "python", code: "", policy: { timeoutMs: 1 } }).catch((error) => [error instanceof DocleError, error.code, error.fields[0].field]);
found.late = await docle.run({ lang: "python", code: "import time; time.sleep(20)", policy: { timeoutMs: 30000 } }, { timeoutMs: 400 }).catch((error) => error instanceof DocleTimeoutError);
const { id } = await docle.run({ lang: "python", code: "print('detached')", detach: true });
found.detached = (await docle.runs.wait(id)).stdout;
found.aborted = await docle.health({ signal: AbortSignal.abort(new Error("not wanted")) }).catch((error) => error.message);
console.log(JSON.stringify(found));
process.exit(0);
`;

const limits = `
import { createMemoryRateLimiter } from "@doclehq/rate-limit";
const limiter = createMemoryRateLimiter();
const all = await Promise.all(Array.from({ length: 50 }, () => limiter.check({ userId: "u", limit: 20, windowMs: 60000 })));
console.log(all.filter(({ success }) => success).length);
`;

for (const runtime of RUNTIMES) {
  test(`@doclehq/sdk and @doclehq/rate-limit work in ${runtime.name}`, { timeout: 300_000 }, async () => {
    const path = programOf(runtime);
    const env = { ...process.env, DOCLE_API_KEY: service.worker.key, DOCLE_BASE_URL: service.worker.url, NO_COLOR: "1" };
    const execute = async (installed: typeof sdk, name: string, code: string) => {
      writeFileSync(join(installed.folder, "package.json"), JSON.stringify({ type: "module", dependencies: { [`@doclehq/${name}`]: "*" } }));
      writeFileSync(join(installed.folder, "main.mjs"), code);
      const { stdout } = await promisify(execFile)(path, [...runtime.args, join(installed.folder, "main.mjs")], { cwd: installed.folder, env, timeout: 60_000 });
      return JSON.parse(stdout) as unknown;
    };
    assert.deepEqual(await execute(sdk, "sdk", program), {
      sandboxes: "object",
      run: "2\n",
      stream: "0\n1\n2\n",
      left: "begun\n",
      headers: "application/json",
      refused: [true, "invalid_request", "policy.timeoutMs"],
      late: true,
      detached: "detached\n",
      aborted: "not wanted",
    });
    assert.equal(await execute(limiter, "rate-limit", limits), 20);
  });
}
