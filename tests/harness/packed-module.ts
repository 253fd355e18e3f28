//! A module of npm that is installed here, with all that it needs, as an archive: for sandboxes without a network.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Where Node finds a module from a directory. */
function located(name: string, from: string): string | undefined {
  const place = join(from, "node_modules", name);
  if (existsSync(join(place, "package.json"))) return place;
  return dirname(from) === from ? undefined : located(name, dirname(from));
}

/** An archive of `node_modules` below a directory: a module and its dependencies. */
export function packed(directory: string, module: string): Buffer {
  const found = new Set<string>();
  const visit = (name: string, from: string): void => {
    const place = located(name, from);
    // One for another machine is not there.
    if (place === undefined || found.has(place)) return;
    found.add(place);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as Manifest;
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) visit(next, place);
  };
  visit(module, directory);
  const places = [...found].map((place) => relative(directory, place));
  return execFileSync("tar", ["-C", directory, "-czf", "-", ...places], { maxBuffer: 256 << 20 });
}
