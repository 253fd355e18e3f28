//! Why a command could not do what it was asked to.

import { DocleError } from "@doclehq/sdk";

/** The command line is wrong. */
export const USAGE = 2;
/** The program was not run, or nobody knows how it ended. */
export const FAILED = 125;
/** Ctrl-C. */
export const INTERRUPTED = 130;

/** Ends the command with a message for people and an exit code. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = FAILED, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** What went wrong, as a failure with a way out. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof DocleError) {
    const more = error.fields.filter(({ message }) => !error.message.includes(message)).map(({ field, message }) => `\n  ${field} ${message}`);
    const wayOut = error.status === 401 ? "\nSign in with `docle login`, or set DOCLE_API_KEY." : "";
    return new Failure(error.message + more.join("") + wayOut, FAILED, error);
  }
  if (!(error instanceof Error)) return new Failure(String(error));
  const cause = error.cause instanceof Error ? (error.cause.cause ?? error.cause) : undefined;
  return new Failure(cause instanceof Error ? `${error.message} ${cause.message}` : error.message, FAILED, error);
}
