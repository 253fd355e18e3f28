//! Timing: how long a thing takes, again and again, and what the times say together.

import { performance } from "node:perf_hooks";

/** Times in milliseconds, and how many finished in a second. */
export interface Figures {
  n: number;
  p50: number;
  p95: number;
  p99: number;
  perSecond: number;
}

type Call = () => Promise<unknown>;

/** Times `n` of one thing, one after the other; answers with each time in milliseconds. */
export async function times(n: number, once: Call): Promise<number[]> {
  const all: number[] = [];
  for (let round = -WARM_UP; round < n; round++) {
    const begun = performance.now();
    await once();
    if (round >= 0) all.push(performance.now() - begun);
  }
  return all;
}

/** Times `n` rounds of all `things`, one after the other, so that what else the machine does meets all alike. */
export async function inTurn(n: number, ...things: Call[]): Promise<Figures[]> {
  const times: number[][] = things.map(() => []);
  for (let round = -WARM_UP; round < n; round++) {
    for (const [index, once] of things.entries()) {
      const begun = performance.now();
      await once();
      if (round >= 0) times[index]?.push(performance.now() - begun);
    }
  }
  return times.map((own) => figures(own));
}

/** Times `n` of one thing, `concurrency` at a time. */
export async function atOnce(n: number, concurrency: number, once: Call): Promise<Figures> {
  await Promise.all(Array.from({ length: concurrency }, once));
  const times: number[] = [];
  let left = n;
  const lane = async () => {
    while (left-- > 0) {
      const begun = performance.now();
      await once();
      times.push(performance.now() - begun);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: concurrency }, lane));
  return figures(times, performance.now() - begun);
}

/** Rounds that are not counted. */
const WARM_UP = 5;

/** What times say together; `elapsed` is how long they took as a whole, where several ran at once. */
export function figures(times: number[], elapsed = times.reduce((sum, time) => sum + time, 0)): Figures {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN);
  return { n: times.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), perSecond: round((times.length * 1_000) / elapsed) };
}

/** Two decimals are what the clock and the machine's noise allow. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
