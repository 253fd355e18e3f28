//! Queries of URLs.

/** The query with the values that are set. */
export function query(values: Record<string, string | number | boolean | null | undefined>): string {
  const set = Object.entries(values).flatMap(([name, value]) => (value === undefined || value === null ? [] : [[name, `${value}`]]));
  return new URLSearchParams(set).toString();
}
