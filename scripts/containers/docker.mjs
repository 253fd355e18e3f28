//! Docker as wrangler calls it, where no registry answers: a build gets its stages handed in, a pull finds what is there.
//!
//! DOCLE_DOCKER_CLIENT names the real client, DOCLE_STAGES the stages as scripts/containers/images.mjs makes them.

import { spawnSync } from "node:child_process";
import { contextFlags } from "./images.mjs";

const { DOCLE_DOCKER_CLIENT = "docker", DOCLE_STAGES = "{}" } = process.env;
const [command = "", ...rest] = process.argv.slice(2);
const more = command === "build" ? contextFlags(JSON.parse(DOCLE_STAGES)) : [];
const args = command === "pull" ? ["image", "inspect", "--format", "{{.Id}}", rest.at(-1) ?? ""] : [command, ...more, ...rest];
const { status, error } = spawnSync(DOCLE_DOCKER_CLIENT, args, { stdio: "inherit" });
if (error) process.stderr.write(`${error.message}\n`);
process.exitCode = status ?? 1;
