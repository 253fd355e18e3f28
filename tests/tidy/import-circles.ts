//! Finds the circles in which files import each other.

/** File → the files that it imports or declares. */
export type Imports = Map<string, Set<string>>;

/** The circles, each once: for every import that is part of one the shortest, without those that contain a smaller one. */
export function circles(imports: Imports): string[] {
  const found = new Map<string, Set<string>>();
  for (const [file, targets] of imports) {
    for (const target of targets) {
      const back = shortest(imports, target, file);
      if (!back) continue;
      const circle = [file, ...back.slice(0, -1)];
      const first = circle.indexOf(circle.toSorted()[0] ?? "");
      const ordered = [...circle.slice(first), ...circle.slice(0, first)];
      found.set([...ordered, ordered[0]].join(" → "), new Set(circle));
    }
  }
  const contains = (files: Set<string>) => [...found.values()].some((other) => other.size < files.size && [...other].every((file) => files.has(file)));
  return [...found].filter(([, files]) => !contains(files)).map(([circle]) => circle);
}

/** The shortest way along imports, both ends included. */
function shortest(imports: Imports, from: string, to: string): string[] | undefined {
  const ways = [[from]];
  const seen = new Set([from]);
  for (let way = ways.shift(); way; way = ways.shift()) {
    const last = way.at(-1) ?? "";
    if (last === to) return way;
    for (const next of imports.get(last) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}
