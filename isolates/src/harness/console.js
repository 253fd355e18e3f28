//! The console of a script: keeps the log in order and up to a limit, for the outcome.

import { formatAll } from "./values.js";

const { stringify } = JSON;
const clock = performance.now.bind(performance);

let began = 0;
let entriesLeft = 0;
let unitsLeft = 0;
let json = "";
const truncated = { __proto__: null, stdout: false, stderr: false };

/** Starts the log: times count from `start`; the limits bound the kept entries and UTF-16 units. */
export function startLog(start, maxEntries, maxUnits) {
  began = start;
  entriesLeft = maxEntries;
  unitsLeft = maxUnits;
}

/** The log as a JSON array, and which streams were truncated. */
export function entries() {
  return { __proto__: null, json: `[${json}]`, truncated };
}

/** Appends one message, within the limits. */
export function log(level, values) {
  const full = entriesLeft <= 0 || unitsLeft <= 0;
  const message = full ? "" : formatAll(values);
  if (full || message.length > unitsLeft) {
    // The log drops every later message as well, so that it always holds the beginning.
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

/** The console of the script: the methods that print, and the other methods that scripts use. */
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
