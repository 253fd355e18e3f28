//! Stacks of errors: shows the frames of the script and hides those of the harness.

const Text = String;

/** Makes V8 omit all frames but the script's: <https://v8.dev/docs/stack-trace-api>. */
export function showOnlyScripts() {
  Error.prepareStackTrace = (error, frames) => {
    let stack;
    try {
      stack = Text(error);
    } catch {
      stack = "Error";
    }
    for (let index = 0; index < frames.length; index += 1) {
      const frame = frames[index];
      const file = frame.getFileName();
      if (typeof file !== "string" || !file.startsWith("script_")) continue;
      const position = `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
      // The function around the script is the module's default export.
      stack += `\n    at ${frame.getFunctionName() === "default" ? position : Text(frame)}`;
    }
    return stack;
  };
}
