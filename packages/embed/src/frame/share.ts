//! The link to the website's playground with a program in it, as the website writes it.

/** The longest link, in characters. */
const MAX_LINK = 8_192;

/** The link; the page alone where the program is too long for one. */
export async function linkTo(page: string, program: object): Promise<string> {
  const packed = new Blob([JSON.stringify(program)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const link = `${page}#z=${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  return link.length > MAX_LINK ? page : link;
}
