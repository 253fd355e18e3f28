//! The console of scripts: what is logged is kept, in order and up to a limit, and handed over with the outcome.

import { formatAll } from "./values.js";

const { stringify } = JSON;
const clock = performance.now.bind(performance);

let began = 0;
let entriesLeft = 0;
let unitsLeft = 0;
let json = "";
const truncated = { __proto__: null, stdout: false, stderr: false };

/** Starts the log: times count from `start`, and only so much is kept. */
export function startLog(start, maxEntries, maxUnits) {
  began = start;
  entriesLeft = maxEntries;
  unitsLeft = maxUnits;
}

/** What was logged, as a JSON array, and whether something is missing from it. */
export function entries() {
  return { __proto__: null, json: `[${json}]`, truncated };
}

/** Keeps one message, if there is room. */
export function log(level, values) {
  const full = entriesLeft <= 0 || unitsLeft <= 0;
  const message = full ? "" : formatAll(values);
  if (full || message.length > unitsLeft) {
    // What comes later is left out as well, however short, so that what is kept is the beginning.
    entriesLeft = 0;
    truncated[level === "warn" || level === "error" ? "stderr" : "stdout"] = true;
    return;
  }
  entriesLeft -= 1;
  unitsLeft -= message.length;
  json += `${json === "" ? "" : ","}{"level":"${level}","message":${stringify(message)},"timeMs":${clock() - began}}`;
}

const counts = new Map();
const timers = new Map();

/** The console that scripts see: the methods that print, and those of the others that scripts use. */
export const captured = {
  debug: (...values) => log("debug", values),
  log: (...values) => log("log", values),
  info: (...values) => log("info", values),
  warn: (...values) => log("warn", values),
  error: (...values) => log("error", values),
  trace: (...values) => log("error", ["Trace:", ...values]),
  dir: (value) => log("log", [value]),
  table: (value) => log("log", [value]),
  assert: (holds, ...values) => {
    if (!holds) log("error", ["Assertion failed", ...values]);
  },
  count: (label = "default") => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    log("log", [`${label}: ${counts.get(label)}`]);
  },
  countReset: (label = "default") => void counts.delete(label),
  time: (label = "default") => void timers.set(label, clock()),
  timeLog: (label = "default", ...values) => log("log", [`${label}: ${(clock() - (timers.get(label) ?? clock())).toFixed(3)}ms`, ...values]),
  timeEnd: (label = "default") => {
    captured.timeLog(label);
    timers.delete(label);
  },
  group: (...values) => {
    if (values.length > 0) log("log", values);
  },
  groupCollapsed: (...values) => captured.group(...values),
  groupEnd: () => {},
  clear: () => {},
};
