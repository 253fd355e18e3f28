//! A runner in a container of its own, as the image starts it and without a Worker.

import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { findEngine } from "../../scripts/containers/engine.mjs";
import { buildImages } from "../../scripts/containers/images.mjs";
import type { Grants } from "./engine.ts";
import type { AnyRunner, RunnerHealth } from "./runner.ts";
import { until } from "./until.ts";

/** What the engine is told for each way to grant, as in {@link Grants}. */
const flags: Record<Grants, string[]> = {
  default: [],
  platform: ["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"],
};

/** How the image starts it, but without ending after a failure: nobody would start another one. */
function commandOf(docker: (...args: string[]) => string, image: string): string[] {
  const command = JSON.parse(docker("image", "inspect", "--format", "{{json .Config.Cmd}}", image)) as string[];
  return command.filter((word) => word !== "--replaceable");
}

/** The runner of a container, whose PID 1 starts it before anything else and then only reaps. */
export function runnerIn(first: number): number {
  return Number(readFileSync(`/proc/${first}/task/${first}/children`, "utf8").split(" ")[0]);
}

/** See the module. */
export class BoxedRunner implements AnyRunner {
  readonly secret = randomBytes(24).toString("hex");
  readonly state = "/var/lib/docle";
  readonly url: string;
  readonly #client: string;
  readonly #docker: (...args: string[]) => string;
  readonly #id: string;
  readonly #first: number;

  private constructor(docker: string, image: string, grants: Grants) {
    this.#client = docker;
    this.#docker = (...args) => execFileSync(docker, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
    this.#id = this.#docker("run", "--detach", "--rm", "--env", `DOCLE_RUNNER_SECRET=${this.secret}`, ...flags[grants], image, ...commandOf(this.#docker, image));
    const [pid = "", address = ""] = this.#docker("inspect", "--format", "{{.State.Pid}} {{.NetworkSettings.IPAddress}}", this.#id).split(" ");
    this.#first = Number(pid);
    this.url = `http://${address}:8000`;
  }

  /** Starts one and waits until it serves. */
  static async start(grants: Grants): Promise<BoxedRunner> {
    const engine = await findEngine();
    if (engine.missing !== undefined) throw new Error(engine.missing);
    const { runner: image } = await buildImages(engine.docker);
    const runner = new BoxedRunner(engine.docker, image, grants);
    await until("the runner serves", () => runner.health().then(() => true, () => false), 60).catch((error: unknown) => {
      runner.stop();
      throw error;
    });
    return runner;
  }

  get pid(): number {
    return runnerIn(this.#first);
  }

  async health(): Promise<RunnerHealth> {
    return (await (await fetch(`${this.url}/health`)).json()) as RunnerHealth;
  }

  /** Ends the container, which the engine removes, and shows what the runner complained of: each is a failure of its own. */
  stop(): void {
    const { stderr } = spawnSync(this.#client, ["logs", this.#id], { encoding: "utf8" });
    process.stderr.write(stderr);
    this.#docker("kill", this.#id);
  }
}
