//! Output that is more than text: a table in this page, and SVG or HTML in a frame that has an origin of its own.

import type { Output } from "./setup.ts";

/** The most rows that are shown. */
const MAX_ROWS = 1_000;
/** The most columns that are shown. */
const MAX_COLUMNS = 100;
/** The most that a frame may ask for, in pixels; the output scrolls. */
const MAX_HEIGHT = 4_000;

interface Table {
  columns: string[];
  rows: string[][];
  /** How many rows there are, of which the first ones are shown. */
  total: number;
}

const shown = (value: unknown): string => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

/** The fields of a line of comma-separated values. Quotation marks hold commas and line ends together. */
function fieldsOf(csv: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = "", end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n|$)/g)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === "\n") rows.push([]);
    if (end === "") break;
  }
  return rows;
}

/** The table in an output: JSON of objects or of lists, or comma-separated values under a line of names. */
export function tableOf(output: string): Table | undefined {
  const text = output.replace(/\r\n?/g, "\n").trim();
  if (text === "") return undefined;
  try {
    const rows = JSON.parse(text) as unknown;
    if (!Array.isArray(rows) || !rows.every((row) => typeof row === "object" && row !== null)) return undefined;
    if (rows.every(Array.isArray)) {
      const [columns = [], ...lists] = rows.slice(0, MAX_ROWS + 1).map((row) => (row as unknown[]).slice(0, MAX_COLUMNS).map(shown));
      return { columns, rows: lists, total: rows.length - 1 };
    }
    const first = rows.slice(0, MAX_ROWS);
    const columns = [...new Set(first.flatMap((row) => Object.keys(row as object)))].slice(0, MAX_COLUMNS);
    return { columns, total: rows.length, rows: first.map((row) => columns.map((name) => (Object.hasOwn(row as object, name) ? shown((row as Record<string, unknown>)[name]) : ""))) };
  } catch {
    const [columns = [], ...rows] = fieldsOf(text);
    return columns.length > 1 ? { columns: columns.slice(0, MAX_COLUMNS), rows: rows.slice(0, MAX_ROWS).map((row) => row.slice(0, MAX_COLUMNS)), total: rows.length } : undefined;
  }
}

function tableElement({ columns, rows, total }: Table): HTMLElement {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const value of row) {
      const cell = line.insertCell();
      cell.textContent = value;
      if (value !== "" && !Number.isNaN(Number(value))) cell.className = "number";
    }
  }
  if (total > rows.length) table.createCaption().textContent = `The first ${rows.length} of ${total} rows`;
  return table;
}

/** A frame that shows HTML. It reaches nothing of this page, loads nothing, and says nothing but its height. */
function frameElement(page: string, html: string): HTMLElement {
  const frame = document.createElement("iframe");
  frame.className = "drawn";
  frame.title = "What the program has drawn";
  frame.setAttribute("sandbox", "allow-scripts");
  frame.src = page;
  let isSent = false;
  const hear = ({ source, data }: MessageEvent) => {
    if (!frame.isConnected) return window.removeEventListener("message", hear);
    if (source === null || source !== frame.contentWindow) return;
    if (!isSent) {
      isSent = true;
      // Its origin is none that could be named.
      frame.contentWindow?.postMessage(html, "*");
      return;
    }
    const height = typeof data === "object" && data !== null ? (data as { height?: unknown }).height : undefined;
    if (typeof height === "number" && height > 0) frame.style.height = `${Math.min(height, MAX_HEIGHT)}px`;
  };
  window.addEventListener("message", hear);
  return frame;
}

/** The element for an output; undefined where the output is not what the page says it is. */
export function display(kind: Exclude<Output, "text">, output: string, page: string, theme: string): HTMLElement | undefined {
  if (kind === "table") {
    const table = tableOf(output);
    return table && tableElement(table);
  }
  if (output.trim() === "" || (kind === "svg" && !/<svg[\s>]/i.test(output))) return undefined;
  const style = `<style>html{color-scheme:${theme}}body{margin:8px;font:14px/1.5 system-ui,sans-serif}svg{max-width:100%;height:auto}</style>`;
  return frameElement(page, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Output</title>${style}${output}`);
}
