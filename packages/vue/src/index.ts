//! Docle in Vue: what the package exports.

export { useDocle, type UseDocle } from "./use-docle.ts";
