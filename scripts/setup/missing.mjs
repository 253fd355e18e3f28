//! What a person reads when this machine lacks something, and how a script ends.

/** Something is missing that cannot be installed from here. The message is one sentence and names the way out. */
export class Missing extends Error {}

/** A command failed. The message says which; `output` is the end of what it printed. */
export class Failed extends Error {
  /** @param {string} message @param {string} output */
  constructor(message, output) {
    super(message);
    this.output = output;
  }
}

/** Runs a script's body; a failure becomes sentences on stderr and exit code 1. @param {() => Promise<number | void>} body */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    if (error instanceof Failed) process.stderr.write(`\n${error.output.trimEnd()}\n`);
    const expected = error instanceof Missing || error instanceof Failed;
    process.stderr.write(`\n${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
    // At once: what runs beside the part that failed need not go on.
    process.exit(1);
  }
}
