//! Programs that run in any web page: code playgrounds of Docle.

export { type Defaults, defineCodeRun, embedAll } from "./attributes.ts";
export { Embed, EmbedError, type EmbedOptions, type EmbedResult } from "../../sdk/src/embed.ts";
