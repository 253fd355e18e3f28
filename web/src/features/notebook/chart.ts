//! The data of a chart as a table, for those who cannot see its image.

/** A table: its columns, and rows of as many cells. */
export interface Table {
  title: string;
  columns: string[];
  rows: string[][];
}

/** The most rows of a table. */
const MOST = 200;

const textOf = (value: unknown) => (typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : value === null || value === undefined ? "" : JSON.stringify(value));
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** The tables of a chart: one, or one for each of its parts. What it does not know is left out. */
export function tablesOf(chart: unknown): Table[] {
  if (!isRecord(chart)) return [];
  if (chart["type"] === "subplots") return Array.isArray(chart["charts"]) ? chart["charts"].flatMap(tablesOf) : [];
  const elements = Array.isArray(chart["elements"]) ? chart["elements"].filter(isRecord) : [];
  const title = textOf(chart["title"]);
  if (elements.some((one) => Array.isArray(one["points"]))) {
    const rows = elements.flatMap((one) => (Array.isArray(one["points"]) ? one["points"] : []).filter(Array.isArray).map((point: unknown[]) => [textOf(one["label"]), textOf(point[0]), textOf(point[1])]));
    return [{ title, columns: ["Series", textOf(chart["x_label"]) || "x", textOf(chart["y_label"]) || "y"], rows: rows.slice(0, MOST) }];
  }
  const rows = elements.map((one) => [textOf(one["label"]), textOf(one["value"] ?? one["share"])]);
  return rows.length === 0 ? [] : [{ title, columns: ["Label", textOf(chart["y_label"]) || "Value"], rows: rows.slice(0, MOST) }];
}
