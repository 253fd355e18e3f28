//! Docle in React: what the package exports. All of it has state, so a server component may show it and does not render it itself.

"use client";

export { DoclePlayground, type DoclePlaygroundProps, type DoclePlaygroundRef } from "./playground.ts";
export { useDocle, type UseDocle } from "./use-docle.ts";
export type { EmbedError, EmbedFailure, EmbedFile, EmbedResult, EmbedTest } from "@doclehq/sdk/embed";
