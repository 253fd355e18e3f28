//! Containers that Miniflare could not remove when it ended.
//!
//! It asks the engine once for each. Where the runtime has begun to remove the same container, the engine refuses with 409,
//! and Miniflare gives up with a warning that names its session: then the side-car stays.

import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Log, LogLevel } from "miniflare";

/** How often the engine is asked, and the pause between, in milliseconds. */
const TRIES = 50;
const PAUSE_MS = 200;

/** Miniflare's log, errors only, which remembers the sessions whose containers were left. */
export class SessionLog extends Log {
  /** @type {string[]} */
  left = [];

  constructor() {
    super(LogLevel.ERROR);
  }

  /** @override @param {string} message */
  warn(message) {
    const session = message.match(/Docker resources of Container session ([0-9a-f]+)/)?.[1];
    if (session) this.left.push(session);
    super.warn(message);
  }
}

/** Removes the containers of these sessions. @param {string} socket where the engine answers @param {string[]} sessions */
export async function removeLeftovers(socket, sessions) {
  for (const session of sessions) {
    const filters = encodeURIComponent(JSON.stringify({ label: [`dev.workerd.session=${session}`] }));
    for (let tries = 0; tries < TRIES; tries++) {
      /** @type {{ Id: string }[]} */
      const found = JSON.parse(await ask(socket, "GET", `/containers/json?all=1&filters=${filters}`));
      if (found.length === 0) break;
      for (const { Id } of found) await ask(socket, "DELETE", `/containers/${Id}?force=1`);
      await pause(PAUSE_MS);
    }
  }
}

/** One request to the engine; its answer, whatever its status. @param {string} socket @param {string} method @param {string} path @returns {Promise<string>} */
function ask(socket, method, path) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket.replace(/^unix:(\/\/)?/, ""), method, path }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text) => (body += text)).on("end", () => resolve(body)).on("error", reject);
    });
    call.on("error", reject).end();
  });
}
