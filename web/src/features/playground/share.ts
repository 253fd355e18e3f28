//! Links that hold a program: compressed, in the fragment, which no server sees.

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

/** The link to a program at a page of this site; undefined where the program is too long for one. */
export async function sharedLink(page: string, program: object): Promise<string | undefined> {
  const bytes = await through(new TextEncoder().encode(JSON.stringify(program)), new CompressionStream("deflate-raw"));
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const link = `${page}${PREFIX}${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  return link.length > MAX_LINK ? undefined : link;
}

/** What a fragment holds, as `read` understands it; undefined where that is no program. */
export async function sharedIn<T>(fragment: string, read: (value: unknown) => T | undefined): Promise<T | undefined> {
  if (!fragment.startsWith(PREFIX) || fragment.length > MAX_LINK) return undefined;
  try {
    const text = atob(fragment.slice(PREFIX.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return read(JSON.parse(new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw"), MAX_UNFOLDED))));
  } catch {
    return undefined;
  }
}
