//! Numbers and times as people read them.

/** A count with commas. */
export const count = (value: number) => value.toLocaleString("en-US");

/** A duration: one decimal below 10 ms, whole milliseconds below a second, then seconds. */
export function duration(ms: number): string {
  if (ms < 10) return `${Number.isInteger(ms) ? ms : ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round((ms % 60_000) / 1_000);
  return seconds === 0 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 60_000)} min ${seconds} s`;
}

/** Memory in MB, one decimal below 100. */
export const memory = (mb: number) => `${mb < 100 ? Number(mb.toFixed(1)) : Math.round(mb)} MB`;

/** The size of a file, with one decimal from a KiB on. */
export function bytes(size: number): string {
  if (size < 1_024) return `${size} B`;
  return size < 1_048_576 ? `${(size / 1_024).toFixed(1)} KiB` : `${(size / 1_048_576).toFixed(1)} MiB`;
}

const DAY_MS = 86_400_000;

/** The time of day. */
export const clock = (time: string) => new Date(time).toLocaleTimeString("en-GB");

/** A day, such as 21 Nov. */
export const day = (time: string | Date) => new Date(time).toLocaleDateString("en-GB", { day: "numeric", month: "short" });

/** A time as it is told: how long ago it was, or the day. */
export function ago(time: string, now = Date.now()): string {
  const then = new Date(time);
  // Clocks differ: what is to come by some seconds is now.
  const ms = Math.max(0, now - then.getTime());
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < DAY_MS) return `${Math.floor(ms / 3_600_000)} h ago`;
  const hour = then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const yesterday = new Date(now - DAY_MS).toDateString() === then.toDateString();
  if (yesterday) return `Yesterday, ${hour}`;
  return then.getFullYear() === new Date(now).getFullYear() ? day(then) : then.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** The whole time with its zone, for a tooltip. */
export const whole = (time: string) => new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });

/** A share: "3 of 4" below 20, then per cent. */
export const share = (part: number, all: number) => (all < 20 ? `${part} of ${all}` : `${((100 * part) / all).toFixed(1)}%`);
