//! The colours of people. The room gives clients of its JSON protocol the same ten.

const COLOURS = ["#ff6b6b", "#51cf66", "#339af0", "#fcc419", "#cc5de8", "#ff922b", "#20c997", "#f06595", "#5c7cfa", "#94d82d"];

/** The colour that a person has chosen if it is one of these, or else one by the number of the client. */
export function hueOf(client: number, chosen?: unknown): { hue: number; color: string; colorLight: string } {
  const found = typeof chosen === "string" ? COLOURS.indexOf(chosen.toLowerCase()) : -1;
  const hue = found >= 0 ? found : client % COLOURS.length;
  const color = COLOURS[hue] ?? "";
  return { hue, color, colorLight: `${color}33` };
}
