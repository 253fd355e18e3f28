//! Snapshots as people read them, and the lines of their differences.

import type { Snapshot, SnapshotChange } from "@doclehq/sdk/sandboxes";
import { clock, day } from "../../format.ts";

/** What people call a snapshot. */
export const titleOfSnapshot = ({ name, created_at }: Pick<Snapshot, "name" | "created_at">) => name ?? `${day(created_at)}, ${clock(created_at)}`;

/** A line of a difference. */
export interface Line {
  kind: "added" | "removed" | "same" | "place";
  text: string;
}

const KINDS: Record<string, Line["kind"]> = { "+": "added", "-": "removed", "@": "place" };

/** The lines of a unified diff. */
export const linesOf = (diff: string): Line[] => diff.replace(/\n$/, "").split("\n").map((text) => ({ kind: KINDS[text.charAt(0)] ?? "same", text }));

const WORDS: Record<SnapshotChange["change"], string> = { added: "added", removed: "deleted", changed: "changed", mode: "permissions" };

export const wordOfChange = (change: SnapshotChange["change"]) => WORDS[change];

/** Why a change has no lines to show. */
export function withoutLines({ change, binary, before, after }: SnapshotChange): string {
  if (change === "mode") return `${before?.mode ?? ""} → ${after?.mode ?? ""}`;
  if (binary === true) return "No text.";
  return (after ?? before)?.type === "file" ? "Too long to show." : `A ${(after ?? before)?.type ?? "file"}.`;
}
