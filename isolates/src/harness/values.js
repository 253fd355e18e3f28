//! Turns the values of a script into text: results, log lines and errors.

const { stringify } = JSON;
const { apply, getPrototypeOf, ownKeys } = Reflect;
const { isArray } = Array;
const Text = String;
const { ArrayBuffer: Buffers, Date: Dates, Error: Errors, Map: Maps, Promise: Promises, RegExp: Patterns, Set: Sets } = globalThis;
const ofMethod = (method) => (target, ...given) => apply(method, target, given);
const slice = ofMethod(String.prototype.slice);
const isoDate = ofMethod(Date.prototype.toISOString);
const sourceOf = ofMethod(RegExp.prototype.toString);
const eachOfMap = ofMethod(Map.prototype.forEach);
const eachOfSet = ofMethod(Set.prototype.forEach);
const hasOwn = ofMethod(Object.prototype.hasOwnProperty);
const kindOf = ofMethod(Object.prototype.toString);

/** How deep a log line looks into objects, as in Node. */
const MAX_DEPTH = 3;
/** Elements or properties that a log line shows of each object, as in Node. */
const MAX_ITEMS = 100;
/** UTF-16 units of one log message, and of an error's message and stack. */
const MAX_MESSAGE = 65_536;

class ResultError extends Error {
  name = "ResultError";
}

/** The result as JSON. @throws ResultError for a value that has no JSON, or whose JSON is too long. */
export function serialize(value, maxBytes) {
  if (value === undefined) return "null";
  if (typeof value === "function" || typeof value === "symbol") {
    throw new ResultError(`The script returned a ${typeof value}, which is no JSON: return data.`);
  }
  let json;
  try {
    json = stringify(value);
  } catch (error) {
    throw new ResultError(`The result cannot be written as JSON: ${messageOf(error)}`);
  }
  if (json === undefined) return "null";
  if (json.length > maxBytes) {
    throw new ResultError(`The result has ${json.length} characters as JSON; the limit is ${maxBytes} bytes. Return less.`);
  }
  return json;
}

/** A thrown value as JSON with `name`, `message` and `stack`. */
export function describeError(error) {
  const isError = error instanceof Errors || (typeof error === "object" && error !== null && safely(() => kindOf(error)) === "[object Error]");
  const name = isError ? safely(() => Text(error.name)) : "Error";
  const message = isError ? messageOf(error) : `Uncaught ${format(error)}`;
  const stack = isError ? safely(() => Text(error.stack)) : "";
  return `{"name":${stringify(truncate(name || "Error", 200))},"message":${stringify(truncate(message))},"stack":${stringify(truncate(stack))}}`;
}

/** The arguments of a console method as one message. */
export function formatAll(values) {
  let message = "";
  for (let index = 0; index < values.length && message.length <= MAX_MESSAGE; index += 1) {
    message += (index === 0 ? "" : " ") + (typeof values[index] === "string" ? truncate(values[index]) : format(values[index]));
  }
  return truncate(message);
}

/** A value as Node would print it, on one line. */
function format(value) {
  return safely(() => formatAt(value, 0, []), "[a value that cannot be printed]");
}

function formatAt(value, depth, above) {
  switch (typeof value) {
    case "string":
      return depth === 0 ? value : quote(value);
    case "bigint":
      return `${Text(value)}n`;
    case "symbol":
      return Text(value);
    case "function":
      return typeof value.name === "string" && value.name !== "" ? `[Function: ${value.name}]` : "[Function (anonymous)]";
    case "object":
      return value === null ? "null" : formatObject(value, depth, above);
    default:
      return value === 0 && 1 / value < 0 ? "-0" : Text(value);
  }
}

function formatObject(value, depth, above) {
  for (let index = 0; index < above.length; index += 1) if (above[index] === value) return "[Circular]";
  if (value instanceof Errors) return depth === 0 ? Text(value.stack ?? value) : `[${messageOf(value)}]`;
  if (value instanceof Dates) return +value !== +value ? "Invalid Date" : isoDate(value);
  if (value instanceof Patterns) return sourceOf(value);
  if (value instanceof Promises) return "Promise {}";
  const kind = constructorName(value);
  if (depth > MAX_DEPTH - 1) return isArray(value) ? "[Array]" : `[${kind || "Object"}]`;
  const path = [...above, value];
  const inner = (item) => formatAt(item, depth + 1, path);
  const parts = [];
  const add = (show) => {
    if (parts.length < MAX_ITEMS) parts[parts.length] = show();
    else parts[MAX_ITEMS] = "… more items";
  };
  if (isArray(value) || Buffers.isView(value)) {
    for (let index = 0; index < value.length && parts.length <= MAX_ITEMS; index += 1) add(() => inner(value[index]));
    const prefix = isArray(value) ? "" : `${kind}(${value.length}) `;
    return parts.length === 0 ? `${prefix}[]` : `${prefix}[ ${join(parts)} ]`;
  }
  if (value instanceof Maps) eachOfMap(value, (item, key) => add(() => `${inner(key)} => ${inner(item)}`));
  else if (value instanceof Sets) eachOfSet(value, (item) => add(() => inner(item)));
  const keys = ownKeys(value);
  for (let index = 0; index < keys.length && parts.length <= MAX_ITEMS; index += 1) {
    const key = keys[index];
    add(() => `${typeof key === "symbol" ? `[${Text(key)}]` : nameOf(key)}: ${inner(value[key])}`);
  }
  const size = value instanceof Maps || value instanceof Sets ? `(${value.size})` : "";
  const prefix = kind === "Object" ? "" : `${kind || "[Object: null prototype]"}${size} `;
  return parts.length === 0 ? `${prefix}{}` : `${prefix}{ ${join(parts)} }`;
}

function constructorName(value) {
  const prototype = getPrototypeOf(value);
  if (prototype === null) return "";
  return hasOwn(prototype, "constructor") && typeof prototype.constructor === "function" ? prototype.constructor.name : "Object";
}

const nameOf = (key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key));
const quote = (text) => (text.includes("'") ? stringify(text) : `'${slice(stringify(text), 1, -1).replaceAll('\\"', '"')}'`);

function join(parts) {
  let text = "";
  for (let index = 0; index < parts.length; index += 1) text += (index === 0 ? "" : ", ") + parts[index];
  return text;
}

function messageOf(error) {
  return safely(() => Text(error.message ?? error), "an error without a message");
}

function truncate(text, max = MAX_MESSAGE) {
  return text.length > max ? `${slice(text, 0, max)}…` : text;
}

function safely(read, fallback = "") {
  try {
    return read();
  } catch {
    return fallback;
  }
}
