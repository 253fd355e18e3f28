//! What is deployed, as wrangler reads it: each environment of both Workers, and the top level, which a deployment without
//! an environment would publish.

import assert from "node:assert/strict";
import { test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { inRoot } from "../../scripts/setup/paths.mjs";

/** What is used here of a configuration. */
interface Deployed {
  vars: Record<string, string>;
  assets?: { run_worker_first?: boolean | string[] };
  workers_dev?: boolean;
  observability: { enabled: boolean; logs?: { invocation_logs?: boolean }; traces?: { enabled?: boolean } };
  durable_objects: { bindings: unknown[]; code_update_strategy?: { mode?: string; max_delay?: number } };
  // wrangler reads `ssh` into the name that the platform has for it.
  containers?: { class_name: string; max_instances?: number; scheduling_policy?: string; wrangler_ssh?: { enabled: boolean }; ssh?: { enabled: boolean } }[];
}

const read = (worker: string, env: string) => unstable_readConfig({ config: inRoot(...worker.split("/"), "wrangler.toml"), env }, { hideWarnings: true }) as unknown as Deployed;

for (const env of ["", "staging", "production"]) {
  const name = env === "" ? "the top level" : env;
  const api = read(".", env);

  test(`${name} is no development machine, whose outbox shows everybody's login links`, () => {
    assert.equal(api.vars["ENVIRONMENT"], env === "" ? "production" : env);
    if (env !== "staging") assert.equal(api.workers_dev, false);
  });

  test(`${name} logs no URL, because a login link is one`, () => {
    for (const { observability } of [api, read("isolates", env)]) {
      assert.equal(observability.enabled, true);
      assert.equal(observability.logs?.invocation_logs, false);
      assert.equal(observability.traces?.enabled, false);
    }
  });

  test(`${name} answered for a program at the host of a port, because its path was that of a file of the website`, () => {
    assert.equal(api.assets?.run_worker_first, true);
  });

  test(`an update of ${name} waits until an object has nothing to do`, () => {
    const { mode, max_delay } = api.durable_objects.code_update_strategy ?? {};
    assert.deepEqual({ mode, max_delay }, { mode: "deferred", max_delay: 300 });
  });

  test(`containers of ${name} take no shell`, () => {
    assert.ok(api.containers && api.containers.length > 0);
    for (const { wrangler_ssh, ssh } of api.containers) assert.equal((wrangler_ssh ?? ssh)?.enabled, false);
  });

  test(`each class of containers of ${name} is placed by the policy that can never be changed`, () => {
    const policies = api.containers?.map(({ class_name, scheduling_policy }) => [class_name, scheduling_policy]);
    assert.deepEqual(policies, [["RunPool", "default"], ["Sandbox", "durable_object"]]);
  });

  test(`accounts share as many containers as ${name} can start`, () => {
    // Without the variable there are five. Containers that objects place have no such limit.
    const shared = Number(api.vars["FLEET_CONTAINERS"] ?? 5);
    assert.deepEqual(api.containers?.map(({ max_instances }) => max_instances), [shared, undefined]);
  });
}
