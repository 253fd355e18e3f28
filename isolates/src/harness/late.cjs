//! What is evaluated only when it is first needed; only a CommonJS module can load another one in the middle of a call.

module.exports = { inspect: () => require("./inspect.cjs") };
