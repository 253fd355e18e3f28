//! What a session began in, in words, from the text that browsers and programs send about themselves.

const BROWSERS: [pattern: RegExp, name: string][] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bChrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: [pattern: RegExp, name: string][] = [
  [/\biPhone\b|\biPad\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];
/** The most characters that are shown of a text that is no browser's. */
const MOST = 40;

export interface Device {
  name: string;
  kind: "computer" | "phone" | "program";
}

/** The device of a `User-Agent`; null where none was sent. */
export function deviceOf(agent: string | null): Device {
  const text = agent?.trim() ?? "";
  if (text === "") return { name: "Unknown", kind: "program" };
  const find = (table: typeof BROWSERS) => table.find(([pattern]) => pattern.test(text))?.[1];
  const browser = find(BROWSERS);
  if (browser === undefined || !text.startsWith("Mozilla/")) return { name: (text.split(" ")[0] ?? "").slice(0, MOST), kind: "program" };
  const system = find(SYSTEMS);
  return { name: system === undefined ? browser : `${browser} on ${system}`, kind: system === "iOS" || system === "Android" ? "phone" : "computer" };
}
