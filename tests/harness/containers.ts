//! Real containers for the tests: the engine and the images, and the containers that a Worker has started.

import { execFileSync } from "node:child_process";
import { findEngine } from "../../scripts/containers/engine.mjs";
import { buildImages } from "../../scripts/containers/images.mjs";
import { EngineProxy, type EngineOptions } from "./engine.ts";
import type { RunnerHealth } from "./runner.ts";

/** What the Worker's runtime needs to start containers. */
export interface ContainerSettings {
  socket: string;
  image: string;
  sidecar: string;
}

/** How the containers of a test differ from those of a deployment. */
export interface ContainerOptions extends EngineOptions {
  /** Another image than ours, made of this Dockerfile; its `runner` is ours. */
  image?: string;
  dockerfile?: string;
  /** Programs that a container runs at once, in place of what its processors allow. */
  places?: number;
}

/** One container that the runtime has started, and not its side-car. */
export interface Box {
  id: string;
  running: boolean;
}

/** The containers of one test file. */
export class Containers {
  readonly engine: EngineProxy;
  readonly settings: ContainerSettings;
  readonly #docker: string;

  private constructor(docker: string, engine: EngineProxy, settings: ContainerSettings) {
    this.#docker = docker;
    this.engine = engine;
    this.settings = settings;
  }

  static async start({ image, dockerfile, places, ...options }: ContainerOptions = {}): Promise<Containers> {
    const found = await findEngine();
    if (found.missing !== undefined) throw new Error(found.missing);
    const images = await buildImages(found.docker);
    if (places !== undefined) {
      const command = JSON.parse(execFileSync(found.docker, ["inspect", "--format", "{{json .Config.Cmd}}", images.runner], { encoding: "utf8" })) as string[];
      image = `${images.runner}-places-${places}`;
      dockerfile = `FROM runner\nCMD ${JSON.stringify([...command, "--places", `${places}`])}\n`;
    }
    if (image !== undefined && dockerfile !== undefined) {
      const flags = ["build", "--quiet", "--load", "--tag", image, "--build-context", `runner=docker-image://${images.runner}`, "-"];
      execFileSync(found.docker, flags, { input: dockerfile, stdio: ["pipe", "ignore", "pipe"] });
    }
    const engine = await EngineProxy.start(found.socket, image ?? images.runner, options);
    return new Containers(found.docker, engine, { socket: engine.socket, image: image ?? images.runner, sidecar: images.sidecar });
  }

  /** Runs Docker's own client. */
  docker(...args: string[]): string {
    return execFileSync(this.#docker, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  }

  /** Ours, in the order in which they were started first. */
  boxes(): Box[] {
    return [...new Set(this.engine.started)].flatMap((id) => {
      try {
        return [{ id, running: this.docker("inspect", "--format", "{{.State.Running}}", id) === "true" }];
      } catch {
        return []; // It was removed.
      }
    });
  }

  running(): Box[] {
    return this.boxes().filter(({ running }) => running);
  }

  /** Where the runner in a container is reached directly, past the Worker: a container has its side-car's network. */
  address(box: Box): string {
    return `http://${this.docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", this.#sidecar(box))}:8000`;
  }

  /** The port of this machine that leads to a container's side-car. */
  published(box: Box): number {
    return Number(this.docker("port", this.#sidecar(box)).match(/0\.0\.0\.0:(\d+)/)?.[1]);
  }

  #sidecar(box: Box): string {
    return this.docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", box.id).replace(/^container:/, "");
  }

  /** Asks the runner in a container how it is. */
  async health(box: Box): Promise<RunnerHealth> {
    return (await (await fetch(`${this.address(box)}/health`)).json()) as RunnerHealth;
  }

  /** Removes what a Worker that was stopped has left, if anything. */
  stop(): void {
    for (const { id } of this.boxes()) this.docker("rm", "--force", id);
    this.engine.stop();
  }
}
