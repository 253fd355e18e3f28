//! Programs that run in any web page: code playgrounds of Docle.

export { type Defaults, defineCodeRun, embedAll } from "./attributes.ts";
export { Embed, EmbedError, type EmbedFailure, type EmbedFile, type EmbedOptions, type EmbedResult, type EmbedTest } from "../../sdk/src/embed.ts";
