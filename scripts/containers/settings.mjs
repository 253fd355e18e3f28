//! What the Workers runtime needs to start containers on this machine: by itself, or under wrangler.

import { inRoot } from "../setup/paths.mjs";
import { Missing } from "../setup/missing.mjs";
import { findEngine } from "./engine.mjs";
import { buildEnv, buildImages, contexts, isOwn } from "./images.mjs";

/** The engine, which containers cannot do without. */
async function requireEngine() {
  const engine = await findEngine();
  if (engine.missing !== undefined) throw new Missing(`Containers need Docker: ${engine.missing}.`);
  return engine;
}

/** The engine and the images for the runtime itself. @returns {Promise<import("../runtime/worker.mjs").ContainerSettings>} */
export async function containerSettings() {
  const { docker, socket } = await requireEngine();
  const { runner, sidecar } = await buildImages(docker);
  return { socket, image: runner, sidecar };
}

/**
 * Environment variables for wrangler. Where a registry answers there is nothing to say: wrangler builds the image from
 * its Dockerfile and pulls the runtime's side-car. Elsewhere both come from what is on this machine.
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function containerEnv() {
  const engine = await requireEngine();
  const base = { DOCKER_HOST: engine.socket, WRANGLER_DOCKER_BIN: engine.docker, ...buildEnv };
  const stages = await contexts(engine.docker);
  if (!isOwn(stages.debian)) return base;
  const { sidecar } = await buildImages(engine.docker);
  return {
    ...base,
    WRANGLER_DOCKER_BIN: inRoot("scripts", "containers", "docker"),
    DOCLE_DOCKER_CLIENT: engine.docker,
    DOCLE_STAGES: JSON.stringify(stages),
    MINIFLARE_CONTAINER_EGRESS_IMAGE: sidecar,
  };
}
