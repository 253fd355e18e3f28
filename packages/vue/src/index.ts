//! Docle in Vue: what the package exports.

export { DoclePlayground, type DoclePlaygroundEmits, type DoclePlaygroundRef } from "./playground.ts";
export { useDocle, type UseDocle } from "./use-docle.ts";
export type { EmbedError, EmbedFailure, EmbedFile, EmbedResult, EmbedTest } from "@doclehq/sdk/embed";
