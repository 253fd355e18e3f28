//! The main module of an isolate: runs one script and responds with its outcome.
//!
//! A script shares the isolate with these modules only, and can change every built-in object. Therefore the harness takes
//! references to the built-ins before the script starts, its own objects have no prototype, and it writes the outcome as
//! text. A script that tampers with the harness spoils its own outcome only: the Worker treats the outcome as untrusted.

import { entries, startLog } from "./console.js";
import { expire, isExpired, startMeter } from "./meter.js";
import { provide } from "./runtime.js";
import script from "./script.js";
import { showOnlyScripts } from "./stack.js";
import { describeError, serialize } from "./values.js";

const { stringify } = JSON;
const { Response: Responses, Promise: Promises } = globalThis;
const wait = setTimeout;
const clock = performance.now.bind(performance);

export default {
  async fetch(request, env) {
    const job = await request.json();
    const began = clock();
    showOnlyScripts();
    startLog(began, job.maxLogEntries, job.maxLogBytes);
    provide(job, env.HOST);
    startMeter(job.timeoutMs);
    const completion = await complete(job.timeoutMs);
    return new Responses(outcome(completion, job.maxResultBytes, began));
  },
};

/** Resolves with the completion of the script, or when its time is up. */
function complete(timeoutMs) {
  return new Promises((resolve) => {
    wait(() => {
      expire();
      resolve({ __proto__: null, error: undefined });
    }, timeoutMs);
    run(resolve);
  });
}

async function run(resolve) {
  try {
    resolve({ __proto__: null, value: await script() });
  } catch (error) {
    resolve({ __proto__: null, error });
  }
}

/** The outcome as JSON: one of `result`, `error` and `expired`, and always `logs`, `truncated` and `timeMs`. */
function outcome(completion, maxResultBytes, began) {
  let fields;
  if (isExpired()) {
    fields = '"expired":true';
  } else if ("value" in completion) {
    try {
      fields = `"result":${serialize(completion.value, maxResultBytes)}`;
    } catch (error) {
      fields = `"error":${describeError(error)}`;
    }
  } else {
    fields = `"error":${describeError(completion.error)}`;
  }
  const { json, truncated } = entries();
  return `{${fields},"logs":${json},"truncated":${stringify(truncated)},"timeMs":${clock() - began}}`;
}
