//! Stacks as scripts see them: the script's own frames, without those of the harness around it.

const Text = String;

/** Makes V8 leave out all frames but the script's. */
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
      const place = `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
      // The function around the script is the module's default export.
      stack += `\n    at ${frame.getFunctionName() === "default" ? place : Text(frame)}`;
    }
    return stack;
  };
}
