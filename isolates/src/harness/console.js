//! The console of a script: keeps the log in order and up to a limit, for the outcome.

import { tableOf } from "./table.js";
import { formatAll, show } from "./values.js";

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
  const message = full ? "" : indented(formatAll(values));
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

/** The spaces before each line, two for each open group. */
let indent = "";
/** As in Node: groups within more than 500 others are not indented further. */
const MAX_INDENT = 1_000;

function indented(message) {
  return indent === "" ? message : indent + message.replaceAll("\n", `\n${indent}`);
}

const counts = new Map();
const timers = new Map();

/** A duration as Node shows it: `1.5ms`, `2.000s`, `1:05.000 (m:ss.mmm)`. */
export function duration(ms) {
  if (ms < 1_000) return `${+ms.toFixed(3)}ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(3)}s`;
  const [minutes, seconds] = [Math.floor(ms / 60_000), (ms % 60_000) / 1_000];
  return `${minutes}:${seconds.toFixed(3).padStart(6, "0")} (m:ss.mmm)`;
}

/** Logs the time of a timer; `false` where there is none. */
function logTime(label, values) {
  const started = timers.get(label);
  if (started === undefined) {
    log("warn", [`Warning: No such label '${label}' for console.timeEnd()`]);
    return false;
  }
  log("log", [`${label}: ${duration(clock() - started)}`, ...values]);
  return true;
}

/** The console of the script: the methods that Node's has, with its formats. */
export const captured = {
  debug: (...values) => log("debug", values),
  log: (...values) => log("log", values),
  info: (...values) => log("info", values),
  warn: (...values) => log("warn", values),
  error: (...values) => log("error", values),
  trace: (...values) => {
    const trace = { name: "Trace", message: formatAll(values) };
    Error.captureStackTrace(trace, captured.trace);
    log("error", [trace.stack.replace(/^[^\n]*/, trace.message === "" ? "Trace" : `Trace: ${trace.message}`)]);
  },
  dir: (value, options) => log("log", [show(value, options)]),
  dirxml: (...values) => log("log", values),
  table: (data, columns) => log("log", [tableOf(data, columns) ?? data]),
  assert: (holds, ...values) => {
    if (holds) return;
    if (typeof values[0] === "string") values[0] = `Assertion failed: ${values[0]}`;
    else values.unshift("Assertion failed");
    log("error", values);
  },
  count: (label = "default") => {
    const name = `${label}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    log("log", [`${name}: ${counts.get(name)}`]);
  },
  countReset: (label = "default") => {
    if (!counts.delete(`${label}`)) log("warn", [`Warning: Count for '${label}' does not exist`]);
  },
  time: (label = "default") => {
    if (timers.has(`${label}`)) log("warn", [`Warning: Label '${label}' already exists for console.time()`]);
    else timers.set(`${label}`, clock());
  },
  timeLog: (label = "default", ...values) => void logTime(`${label}`, values),
  timeEnd: (label = "default") => {
    if (logTime(`${label}`, [])) timers.delete(`${label}`);
  },
  group: (...values) => {
    if (values.length > 0) log("log", values);
    if (indent.length < MAX_INDENT) indent += "  ";
  },
  groupCollapsed: (...values) => captured.group(...values),
  groupEnd: () => {
    indent = indent.slice(2);
  },
  clear: () => {},
  profile: () => {},
  profileEnd: () => {},
  timeStamp: () => {},
};
