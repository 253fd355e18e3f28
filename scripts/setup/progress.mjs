//! What a person sees of set-up: each step as it begins and ends, and on a terminal one line of what is being done.

/** How often that line is drawn, in milliseconds. */
const DRAW_MS = 250;

/** The steps that are being done, with the last line that each printed. @type {Map<string, string>} */
const active = new Map();
/** @type {NodeJS.Timeout | undefined} */
let timer;
const begun = Date.now();

/** @param {number} since */
const elapsed = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Prints a line that stays. @param {string} line */
function print(line) {
  process.stdout.write(`${timer === undefined ? "" : "\r\x1b[2K"}${line}\n`);
}

function draw() {
  const doing = [...active].map(([name, last]) => (last === "" ? name : `${name}: ${last}`));
  process.stdout.write(`\r\x1b[2K    ${elapsed(begun)}  ${doing.join(" · ")}`.slice(0, process.stdout.columns ?? 80));
}

/** Announces a step, and shows it until it ends. @param {string} name @param {string} [why] */
export function startProgress(name, why) {
  const since = Date.now();
  print(`  ${name}${why ? ` (${why})` : ""}`);
  active.set(name, "");
  if (process.stdout.isTTY) timer ??= setInterval(draw, DRAW_MS);
  return {
    /** Takes the last line that the step printed. @param {string} text */
    line: (text) => void active.set(name, text),
    /** @param {string} how */
    end: (how) => {
      active.delete(name);
      print(`  ${name}: ${how} in ${elapsed(since)}`);
      if (active.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };
}
