//! Where to go on after signing in: a path of this site, and never an address.

/** The path that a query names; the first page where it names none of ours. */
export function ownPath(next: unknown): string {
  if (typeof next !== "string" || !next.startsWith("/") || next.length > 1_000) return "/";
  // What a browser makes of it decides: `/\host`, `//host` and tabs between lead elsewhere.
  const url = URL.canParse(next, location.origin) ? new URL(next, location.origin) : undefined;
  if (url === undefined || url.origin !== location.origin || next.startsWith("//")) return "/";
  return url.pathname + url.search + url.hash;
}
