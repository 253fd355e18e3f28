// What a value looks like: a bundle of MIME types.

const MAX_TEXT = 1_000_000;
const MAX_BUNDLE = 8_000_000;
const METHODS = {
  _repr_html_: "text/html",
  _repr_markdown_: "text/markdown",
  _repr_svg_: "image/svg+xml",
  _repr_png_: "image/png",
  _repr_jpeg_: "image/jpeg",
  _repr_latex_: "text/latex",
  _repr_json_: "application/json",
};
const JUPYTER = Symbol.for("Jupyter.display");

const cut = (text, limit = MAX_TEXT) => (text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length - limit} more characters)`);

const isPlain = (value) => {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
};

/** The content as JSON has it: bytes in base64. Undefined if it is none of the type. */
function encoded(mime, content) {
  if (content instanceof Uint8Array) return Buffer.from(content).toString("base64");
  if (typeof content === "string") return content;
  if (!/[/+]json$/.test(mime)) return undefined;
  const json = JSON.stringify(content);
  return json === undefined ? undefined : JSON.parse(json);
}

function bounded(data) {
  const kept = {};
  const dropped = [];
  let left = MAX_BUNDLE;
  for (const [mime, content] of Object.entries(data)) {
    let value;
    let size = 0;
    try {
      value = encoded(mime, content);
      size = typeof value === "string" ? value.length : (JSON.stringify(value) ?? "").length;
    } catch {
      continue;
    }
    if (value === undefined) continue;
    if (size > left) {
      dropped.push(mime);
      continue;
    }
    left -= size;
    kept[mime] = value;
  }
  if (dropped.length > 0) kept["text/plain"] = `${kept["text/plain"] ?? ""}\n(too large to show: ${dropped.join(", ")})`;
  return kept;
}

/** The bundle of a value: a promise of it if one of its formats is a promise. Its text is always there. */
function bundleOf(value) {
  const parts = [];
  if ((typeof value === "object" || typeof value === "function") && value !== null) {
    if (typeof value[JUPYTER] === "function") parts.push(value[JUPYTER]());
    for (const [method, mime] of Object.entries(METHODS)) {
      if (typeof value[method] !== "function") continue;
      const content = value[method]();
      parts.push(util.types.isPromise(content) ? content.then((known) => ({ [mime]: known })) : { [mime]: content });
    }
  }
  const whole = (known) => {
    const { "text/plain": text, ...data } = Object.assign({}, ...known.toReversed());
    if (parts.length === 0 && isPlain(value)) data["application/json"] = value;
    return bounded({ "text/plain": cut(String(text ?? util.inspect(value, { showProxy: true }))), ...data });
  };
  return parts.some((part) => util.types.isPromise(part)) ? Promise.all(parts).then(whole) : whole(parts);
}

/** Shows a value as a result of the cell, in the order of its output. With `raw` the value is a bundle. */
function display(value, { raw = false } = {}) {
  const send = (data) => sendInOrder({ type: "result", data, main: false });
  const data = raw ? bounded(value) : bundleOf(value);
  return util.types.isPromise(data) ? data.then(send) : send(data);
}
const shown = (mime) => (content) => sendInOrder({ type: "result", data: bounded({ "text/plain": mime, [mime]: content }), main: false });
Object.assign(display, {
  html: shown("text/html"),
  markdown: shown("text/markdown"),
  svg: shown("image/svg+xml"),
  png: shown("image/png"),
  jpeg: shown("image/jpeg"),
  latex: shown("text/latex"),
  json: shown("application/json"),
});
