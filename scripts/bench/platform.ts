//! What the platform itself costs: calls with a key against a runner that runs nothing, in the production build.
//!
//! `node scripts/bench/platform.ts [--record]` after `npm run build worker`, and a part of `npm run bench`. CPU is that of
//! the runtime's process, all of its threads, with everything that follows after the answers; load generator and idle
//! runner are not in it.

import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Platform, startIdleRunner } from "../../tests/harness/platform.ts";
import { make, startUnderConditions, type Conditions } from "../../tests/harness/production.ts";
import { projectSql } from "../setup/development.mjs";
import { cpuMs, runtimes } from "../setup/processes.mjs";
import { hangUp, post } from "./call.ts";
import { startFloor, steps } from "./floor.ts";
import { atOnce, round } from "./measure.ts";
import { report } from "./report.ts";

/** Milliseconds of CPU that the Workers runtime under this process has used. */
const runtimeCpuMs = () => runtimes().reduce((sum, pid) => sum + cpuMs(pid), 0);

/** What the database keeps of a million hours of another project. */
const millionHours = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000)
  INSERT OR IGNORE INTO usage_hours (project_id, shard, hour, tier, language, status, runs)
    SELECT 'proj_bench', 0, n, 'run', 'python', 'success', 100 FROM numbers`;

/** A run; answers with its status when the body is through. */
const run = async (url: string, key: string) => (await post(url, key, { lang: "python", code: "print(1)" })).status;

/** Where a run's time goes that is the runtime's own. */
async function measureFloor(): Promise<string[]> {
  const runner = await startIdleRunner();
  const floor = await startFloor(`http://127.0.0.1:${(runner.address() as AddressInfo).port}/`);
  const rows = ["", "| the same steps in a Worker that does nothing else | per second | CPU ms each |", "|---|---:|---:|"];
  try {
    for (const [path, name] of Object.entries(steps)) {
      const once = () => run(floor.url + path, "none");
      await atOnce(300, 16, once);
      const before = runtimeCpuMs();
      const { perSecond } = await atOnce(2_000, 16, once);
      await pause(500);
      rows.push(`| ${[name, perSecond, round((runtimeCpuMs() - before) / 2_000)].join(" | ")} |`);
    }
  } finally {
    await floor.stop();
    runner.closeAllConnections();
    runner.close();
  }
  return rows;
}

/** A run while what stands behind the Worker is slow or fails. */
async function measureConditions(): Promise<string[]> {
  const docle = await startUnderConditions();
  const rows = ["", "| a run while | p50 ms | p99 ms |", "|---|---:|---:|"];
  const cases: [string, Conditions][] = [
    ["everything answers at once", {}],
    ["the database takes 50 ms", { delays: { d1: [50, 50] } }],
    ["the database takes 50 ms, KV 30 ms", { delays: { d1: [50, 50], kv: [30, 30] } }],
    ["the database fails", { faults: [{ kind: "d1", match: "", fail: "before", times: 1_000_000 }] }],
  ];
  try {
    const once = async () => {
      const got = await run(`${docle.worker.url}/api/run`, docle.worker.key);
      if (got !== 200) throw new Error(`a run was answered ${got}`);
    };
    await atOnce(500, 16, once);
    for (const [name, conditions] of cases) {
      await make(docle, conditions);
      const { p50, p99 } = await atOnce(500, 1, once);
      rows.push(`| ${name} | ${p50} | ${p99} |`);
    }
  } finally {
    hangUp();
    await docle.stop();
  }
  return rows;
}

const floor = await measureFloor();
const conditions = await measureConditions();
const docle = await Platform.start();
try {
  const api = `${docle.worker.url}/api/run`;
  const limited = docle.worker.newKey();
  for (const statement of projectSql(limited)) await docle.worker.sql(statement);
  await docle.worker.sql(`UPDATE api_keys SET rate_limit_per_minute = 1 WHERE key_prefix = '${limited.slice(0, 12)}'`);
  await run(api, limited);

  const unknown = docle.worker.newKey();
  // A key that another deployment made: the last 8 digits are a code with its secret.
  const madeUp = `${unknown.slice(0, -8)}00000000`;
  const cases = [
    { name: "a run", key: () => docle.worker.key, status: 200 },
    { name: "a made-up key", key: () => madeUp, status: 401 },
    { name: "a key that was deleted", key: () => unknown, status: 401 },
    { name: "a key whose limit is used up", key: () => limited, status: 429 },
  ];
  // What the runtime has compiled well by then stays so; what an isolate does first is measured elsewhere.
  await atOnce(1_000, 16, () => run(api, docle.worker.key));
  const rows = ["| | at once | p50 ms | p99 ms | per second | CPU ms each |", "|---|---:|---:|---:|---:|---:|"];
  for (const { name, key, status } of cases) {
    const once = async () => {
      const got = await run(api, key());
      // One call a minute is within the limit.
      if (got !== status && !(status === 429 && got === 200)) throw new Error(`${name} was answered ${got}`);
    };
    for (const [concurrency, n] of [[1, 500], [16, 2_000], [64, 2_000]] as const) {
      await atOnce(100, concurrency, once);
      const before = runtimeCpuMs();
      const { p50, p99, perSecond } = await atOnce(n, concurrency, once);
      // What follows after an answer belongs to it: results and counts are stored then.
      await pause(500);
      rows.push(`| ${[name, concurrency, p50, p99, perSecond, round((runtimeCpuMs() - before) / n)].join(" | ")} |`);
    }
  }

  const user = await docle.signIn("bench@example.com");
  const { id } = (await (await user.call("POST", "/api/projects", { name: "Bench" })).json()) as { id: string };
  const usage = async () => {
    const response = await user.call("GET", `/api/projects/${id}/usage`);
    if (response.status !== 200) throw new Error(`usage was answered ${response.status}`);
    await response.text();
  };
  const alone = await atOnce(200, 1, usage);
  await docle.worker.sql(millionHours);
  const beside = await atOnce(200, 1, usage);
  rows.push("", "| a project's usage | p50 ms | p99 ms |", "|---|---:|---:|", `| alone | ${alone.p50} | ${alone.p99} |`);
  rows.push(`| beside 1,000,000 hours of another project | ${beside.p50} | ${beside.p99} |`);
  rows.push(...floor, ...conditions);
  report("the platform", rows);
} finally {
  hangUp();
  await docle.stop();
}
