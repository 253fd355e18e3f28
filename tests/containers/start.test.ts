//! `npm start -- --containers`: it builds the image, starts real containers, and leaves none, nor a side-car.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { findEngine } from "../../scripts/containers/engine.mjs";
import { inRoot, own } from "../../scripts/setup/paths.mjs";
import type { RunResult } from "../harness/docle.ts";
import { until } from "../harness/until.ts";

mkdirSync(join(own, "tmp"), { recursive: true });
const state = mkdtempSync(join(own, "tmp", "start-"));
after(() => rmSync(state, { recursive: true, force: true }));

const engine = await findEngine();
assert(engine.missing === undefined, "an engine");
const { docker } = engine;

/** Containers that Workers runtimes have started, with their side-cars, whether they run or not. */
const containers = () => execFileSync(docker, ["ps", "--all", "--quiet", "--filter", "label=dev.workerd.session"], { encoding: "utf8" }).split("\n").filter((id) => id !== "");

test("the printed command runs a program in a container, and Ctrl-C leaves nothing", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const before = containers();
  const started = () => containers().filter((id) => !before.includes(id));

  const child = spawn(process.execPath, [inRoot("scripts", "start.mjs"), "--containers"], { env: { ...process.env, PORT: `${port}`, DOCLE_STATE: state }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => void (output.text += text));
  const ended = once(child, "close");
  try {
    const welcomed = () => {
      assert.equal(child.exitCode, null, output.text);
      return output.text.includes("Ctrl-C stops it");
    };
    await until("the welcome", welcomed, 120);
    const curl = output.text.match(/curl \S+\/api\/run [^]*?\}'/)?.[0] ?? "";
    const { stdout } = await promisify(execFile)("bash", ["-c", curl.replace("curl", "curl -sS")]);
    assert.equal((JSON.parse(stdout) as RunResult).stdout, "42\n", stdout + output.text);
    assert.equal(started().length, 2, "a container and its side-car");
  } finally {
    child.kill("SIGINT");
    await ended;
  }
  await until("no container of it", () => started().length === 0, 20);
});
