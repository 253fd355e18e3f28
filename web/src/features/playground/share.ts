//! Links that hold a program: compressed, in the fragment, which no server sees.

import { type Program, readProgram } from "./program.ts";

/** The longest link, in characters. */
const MAX_LINK = 8_192;
/** The most that a link may unfold to, in bytes. */
const MAX_UNFOLDED = 1_048_576;
const PREFIX = "#z=";

async function through(bytes: Uint8Array<ArrayBuffer>, transform: CompressionStream | DecompressionStream, most = Infinity): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(transform).getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new RangeError("The link unfolds to too much.");
    }
    chunks.push(value as Uint8Array<ArrayBuffer>);
  }
}

/** The link to a program, as a path of this site; undefined where the program is too long for one. */
export async function sharedLink(program: Partial<Program> & { lang: string; code: string }): Promise<string | undefined> {
  const bytes = await through(new TextEncoder().encode(JSON.stringify(program)), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const link = `/playground${PREFIX}${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  return link.length > MAX_LINK ? undefined : link;
}

/** The program in a fragment; undefined where there is none. */
export async function sharedProgram(fragment: string): Promise<Program | undefined> {
  if (!fragment.startsWith(PREFIX) || fragment.length > MAX_LINK) return undefined;
  try {
    const text = atob(fragment.slice(PREFIX.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return readProgram(JSON.parse(new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw"), MAX_UNFOLDED))));
  } catch {
    return undefined;
  }
}
