//! The time limit of a script in a runtime that cannot interrupt it: loops and functions of the script call `check`.

const { now } = Date;
const Failure = Error;

let deadline = Infinity;
let calls = 0;
let expired = false;

/** Starts the clock: `timeoutMs` from now. */
export function startMeter(timeoutMs) {
  deadline = now() + timeoutMs;
}

/** Throws once the time is up. Every later call throws as well, so a script that catches the error ends too. */
export function check() {
  if (expired || ((++calls & 0x3ff) === 0 && now() > deadline)) {
    expired = true;
    throw new Failure("The script's time is up.");
  }
}

/** Ends the time of the script now. */
export function expire() {
  expired = true;
}

/** Whether the time is up. */
export const isExpired = () => expired;
