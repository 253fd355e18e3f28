//! The cells of a notebook: their code, which this browser keeps, and what they have shown.

import type { CodeError, CodeEvent, CodeResult } from "@doclehq/sdk/sandboxes";
import { keep, kept } from "../../storage.ts";

/** What a cell has shown, in its order. */
export type Shown = { kind: "stdout" | "stderr"; text: string } | { kind: "result"; result: CodeResult } | { kind: "error"; error: CodeError };

export interface Cell {
  id: number;
  code: string;
  shown: Shown[];
  state: "idle" | "waiting" | "running" | "ended";
  /** The number of the cell since its interpreter was started. */
  count: number | undefined;
  durationMs: number | undefined;
  /** What people should know about how it ended. */
  note: string;
}

export const LANGUAGES = ["python", "javascript", "typescript"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The most characters of output that are shown of a cell. */
const MOST = 200_000;

let next = 0;
export const emptyCell = (code = ""): Cell => ({ id: next++, code, shown: [], state: "idle", count: undefined, durationMs: undefined, note: "" });

/** Adds what an event shows. Output that follows output of the same stream is one piece. */
export function add(cell: Cell, event: CodeEvent): void {
  if (event.type === "result") cell.shown.push({ kind: "result", result: event.result });
  else if (event.type === "error") cell.shown.push({ kind: "error", error: event.error });
  else if (event.type === "stdout" || event.type === "stderr") {
    const last = cell.shown.at(-1);
    const room = MOST - cell.shown.reduce((sum, one) => sum + ("text" in one ? one.text.length : 0), 0);
    const text = event.data.slice(0, Math.max(0, room));
    if (last?.kind === event.type) last.text += text;
    else cell.shown.push({ kind: event.type, text });
  }
}

/** What this browser has kept of a notebook; one empty cell where it has nothing. */
export function keptNotebook(id: string): { language: Language | undefined; cells: Cell[] } {
  try {
    const { language, cells } = JSON.parse(kept(`notebook.${id}`) ?? "{}") as { language?: unknown; cells?: unknown };
    const found = Array.isArray(cells) ? cells.filter((code): code is string => typeof code === "string") : [];
    return { language: LANGUAGES.find((one) => one === language), cells: found.length === 0 ? [emptyCell()] : found.map((code) => emptyCell(code)) };
  } catch {
    return { language: undefined, cells: [emptyCell()] };
  }
}

/** Keeps the code of the cells; answers whether there was room. */
export const keepNotebook = (id: string, language: Language, cells: Cell[]) => keep(`notebook.${id}`, JSON.stringify({ language, cells: cells.map(({ code }) => code) }));
