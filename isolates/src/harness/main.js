//! Runs one script and answers with its outcome: the main module of the isolate that the script gets.
//!
//! Scripts share this isolate with nobody but these modules, and may change everything in it. So what the outcome is
//! made with is taken from the language before the script starts, objects of ours have no prototype, and the outcome is
//! written as text. A script that tampers nevertheless spoils its own outcome, and nothing else: whoever reads it takes
//! it for hostile.

import { entries, startLog } from "./console.js";
import { expire, expired, startMeter } from "./meter.js";
import { provide } from "./runtime.js";
import script from "./script.js";
import { showOnlyScripts } from "./stack.js";
import { describeError, serialize } from "./values.js";

const { stringify } = JSON;
const Answer = Response;
const Future = Promise;
const wait = setTimeout;
const clock = performance.now.bind(performance);

/** Resolves with how the script ended, or that its time was up. */
function settle(timeoutMs) {
  return new Future((resolve) => {
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

/** The outcome as JSON: `result` or `error` and `expired`, and always `logs`, `truncated` and `timeMs`. */
function outcome(ending, maxResultBytes, began) {
  let fields;
  if (expired()) {
    fields = '"expired":true';
  } else if ("value" in ending) {
    try {
      fields = `"result":${serialize(ending.value, maxResultBytes)}`;
    } catch (error) {
      fields = `"error":${describeError(error)}`;
    }
  } else {
    fields = `"error":${describeError(ending.error)}`;
  }
  const { json, truncated } = entries();
  return `{${fields},"logs":${json},"truncated":${stringify(truncated)},"timeMs":${clock() - began}}`;
}

export default {
  async fetch(request, env) {
    const job = await request.json();
    const began = clock();
    showOnlyScripts();
    startLog(began, job.maxLogEntries, job.maxLogBytes);
    provide(job, env.HOST);
    startMeter(job.timeoutMs);
    const ending = await settle(job.timeoutMs);
    return new Answer(outcome(ending, job.maxResultBytes, began));
  },
};
