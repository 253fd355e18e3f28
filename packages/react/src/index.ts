//! Docle in React: what the package exports.

export { DoclePlayground, type DoclePlaygroundProps, type DoclePlaygroundRef } from "./playground.ts";
export { useDocle, type UseDocle } from "./use-docle.ts";
export type { EmbedError, EmbedResult } from "@doclehq/sdk/embed";
