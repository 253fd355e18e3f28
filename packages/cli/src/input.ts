//! The standard input of this process.

import { fstatSync } from "node:fs";

/** Where the input comes from: a file is sent with a run; what a pipe or a person writes reaches the program as it comes. */
export function inputKind(): "live" | "file" | "none" {
  if (process.stdin.isTTY) return "live";
  try {
    const stat = fstatSync(0);
    if (stat.isFile()) return "file";
    return stat.isFIFO() || stat.isSocket() ? "live" : "none";
  } catch {
    return "none";
  }
}
