//! Turns the values of a script into text: results, log lines and errors.

import late from "./late.cjs";

const { stringify } = JSON;
const { apply } = Reflect;
const { is } = Object;
const Text = String;
const { Error: Errors } = globalThis;
const ofMethod = (method) => (target, ...given) => apply(method, target, given);
const slice = ofMethod(String.prototype.slice);
const kindOf = ofMethod(Object.prototype.toString);

/** The options of Node's console where nothing has colours. */
const PLAIN = { __proto__: null, colors: false };
/** Shown for a value that throws while it is looked at. */
const HIDDEN = "[a value that cannot be printed]";
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
  const message = isError ? messageOf(error) : `Uncaught ${formatAll([error])}`;
  const stack = isError ? safely(() => Text(error.stack)) : "";
  return `{"name":${stringify(truncate(name || "Error", 200))},"message":${stringify(truncate(message))},"stack":${stringify(truncate(stack))}}`;
}

/** The arguments of a console method as one message, as Node formats them. */
export function formatAll(values) {
  const message = safely(() => plain(values) ?? format(values), null);
  if (message !== null) return truncate(message);
  // A value that throws while it is looked at hides itself only.
  let each = "";
  for (let index = 0; index < values.length; index += 1) {
    each += (index === 0 ? "" : " ") + safely(() => format([values[index]]), HIDDEN);
  }
  return truncate(each);
}

const format = (values) => late.inspect().formatWithOptions(PLAIN, ...values);

/** Texts and numbers side by side, which need no formatting; `undefined` if there is anything else. */
function plain(values) {
  if (values.length > 1 && typeof values[0] === "string" && values[0].includes("%")) return undefined;
  let message = "";
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    const kind = typeof value;
    const isPlain = kind === "string" || kind === "boolean" || value == null || (kind === "number" && !is(value, -0));
    if (!isPlain) return undefined;
    message += (index === 0 ? "" : " ") + value;
  }
  return message;
}

/** A value as Node's `util.inspect` shows it. */
export function show(value, options) {
  return safely(() => truncate(late.inspect().inspect(value, { ...options, customInspect: false, colors: false })), HIDDEN);
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
