//! The clock of a script, where the runtime itself cannot interrupt one: its loops and functions call [`check`].

const { now } = Date;
const Failure = Error;

let deadline = Infinity;
let calls = 0;
let isExpired = false;

/** Starts the clock: `timeoutMs` from now. */
export function startMeter(timeoutMs) {
  deadline = now() + timeoutMs;
}

/** Throws when the time is up, and from then on always, so that catching it does not help. */
export function check() {
  if (isExpired || ((++calls & 0x3ff) === 0 && now() > deadline)) {
    isExpired = true;
    throw new Failure("The script's time is up.");
  }
}

/** Declares the time to be up. */
export function expire() {
  isExpired = true;
}

/** Whether the time is up. */
export const expired = () => isExpired;
