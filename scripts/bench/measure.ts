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

/** Does `once` `n` times, `concurrency` at a time, after a few that are not counted. */
export async function measure(n: number, concurrency: number, once: () => Promise<unknown>): Promise<Figures> {
  for (let i = 0; i < Math.max(5, concurrency); i++) await once();
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
  const seconds = (performance.now() - begun) / 1_000;
  times.sort((a, b) => a - b);
  const at = (share: number) => round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN);
  return { n, p50: at(0.5), p95: at(0.95), p99: at(0.99), perSecond: round(n / seconds) };
}

/** Two decimals are what the clock and the machine's noise allow. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
