//! The colours of code that is only shown: the highlighter of the documentation, with the languages of the snippets.

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import javascript from "highlight.js/lib/languages/javascript";
import python from "highlight.js/lib/languages/python";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import { TOKENS } from "../../tokens.ts";

for (const [name, language] of Object.entries({ bash, javascript, python, typescript, xml })) hljs.registerLanguage(name, language);

/** A part of a text, with the class of its colour. */
export interface Piece {
  text: string;
  look: string;
}

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

/**
 * A text in pieces. The highlighter writes HTML, which the policy of the page refuses; of that are left the spans, whose classes are
 * known, and the text between them.
 */
export function highlight(code: string, language: string): Piece[] {
  if (hljs.getLanguage(language) === undefined) return [{ text: code, look: "" }];
  const pieces: Piece[] = [];
  const looks: string[] = [];
  for (const [part] of hljs.highlight(code, { language }).value.matchAll(/<span class="[^"]*">|<\/span>|[^<]+/g)) {
    if (part === "</span>") looks.pop();
    else if (part.startsWith("<")) {
      const kind = /hljs-([a-z_]+)/.exec(part)?.[1] ?? "";
      looks.push(Object.hasOwn(TOKENS, kind) ? `tok-${TOKENS[kind]}` : (looks.at(-1) ?? ""));
    } else pieces.push({ text: part.replace(/&(amp|lt|gt|quot|#x27);/g, (entity) => ENTITIES[entity] ?? entity), look: looks.at(-1) ?? "" });
  }
  return pieces;
}
