//! The place in a program that an error names.

export interface Place {
  path: string;
  line: number;
}

/** The last line of an error, which says what went wrong; cut to what fits beside a line. */
export const messageIn = (stderr: string) => (stderr.trimEnd().split("\n").at(-1) ?? "").trim().slice(0, 160);

/** What a program of one file may be called. */
const MAIN = /^(main|program|index|code)\.\w+$/i;

/** The last place in a traceback that is in one of these files; where there is none named, in the file of a program of one. */
export function placeIn(stderr: string, paths?: string[]): Place | undefined {
  const places = Array.from(stderr.matchAll(/([\w./@+-]+\.\w+)"?(?:, line |:)(\d+)/g), ([, path = "", line]) => ({ path: path.replace(/^(file:\/\/)?\/workspace\//, ""), line: Number(line) }));
  return places.findLast(({ path, line }) => line > 0 && (paths === undefined ? MAIN.test(path.split("/").at(-1) ?? "") : paths.includes(path)));
}
