//! `console.table` as Node draws it: one row per element, one column per property.

import { show } from "./values.js";

const INDEX = "(index)";
const ITERATION = "(iteration index)";
const VALUES = "Values";

/** The table of an object or a list; `undefined` for a value that has no rows. @throws TypeError if `columns` is no list. */
export function tableOf(data, columns) {
  if (data === null || typeof data !== "object") return undefined;
  if (columns !== undefined && !Array.isArray(columns)) {
    throw new TypeError(`The "properties" argument must be an instance of Array. Received ${show(columns)}`);
  }
  if (data instanceof Map) return tableOfMap(data);
  if (data instanceof Set) return tableOfSet(data);
  return tableOfRows(Object.keys(data), (key) => data[key], columns);
}

function tableOfMap(map) {
  const entries = [...map];
  return draw([ITERATION, "Key", VALUES], [entries.map((_, index) => `${index}`), entries.map(([key]) => cell(key)), entries.map(([, value]) => cell(value))]);
}

function tableOfSet(set) {
  const values = [...set];
  return draw([ITERATION, VALUES], [values.map((_, index) => `${index}`), values.map(cell)]);
}

/** Rows whose objects fill one column per property, and whose other values fill the column `Values`. */
function tableOfRows(keys, rowOf, columns) {
  const cells = new Map((columns ?? []).map((column) => [`${column}`, []]));
  const values = [];
  let hasValues = false;
  keys.forEach((key, number) => {
    const row = rowOf(key);
    const isPrimitive = row === null || (typeof row !== "function" && typeof row !== "object");
    if (isPrimitive) {
      hasValues = true;
      values[number] = cell(row);
      return;
    }
    for (const column of columns ?? Object.keys(row)) {
      if (!Object.hasOwn(row, column)) continue;
      if (!cells.has(`${column}`)) cells.set(`${column}`, []);
      cells.get(`${column}`)[number] = cell(row[column]);
    }
  });
  const names = [INDEX, ...cells.keys(), ...(hasValues ? [VALUES] : [])];
  const filled = [...cells.values(), ...(hasValues ? [values] : [])];
  return draw(names, [keys, ...filled.map((column) => keys.map((_, number) => column[number] ?? ""))]);
}

/** A value in one cell: an object of more than two properties is named only. */
function cell(value) {
  const isLarge = typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 2;
  return show(value, { maxArrayLength: 3, breakLength: Infinity, depth: isLarge ? -1 : 0 });
}

/** `columns` under their `names`, with lines between them. */
function draw(names, columns) {
  const widths = names.map((name, number) => Math.max(...[name, ...columns[number]].map(widthOf)) + 2);
  const line = (left, between, right) => left + widths.map((width) => "─".repeat(width)).join(between) + right;
  const row = (cells) => `│${cells.map((text, number) => ` ${text}${" ".repeat(widths[number] - widthOf(text) - 1)}`).join("│")}│`;
  const rows = columns[0].map((_, number) => row(columns.map((column) => column[number])));
  return [line("┌", "┬", "┐"), row(names), line("├", "┼", "┤"), ...rows, line("└", "┴", "┘")].join("\n");
}

/** Wide characters, such as those of East Asia and pictures, take two columns; combining ones take none. */
function widthOf(text) {
  let width = 0;
  for (const character of text.normalize("NFC")) {
    if (/\p{Mark}|\p{Cc}|\p{Cf}/u.test(character)) continue;
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}]/u.test(character) ? 2 : 1;
  }
  return width;
}
