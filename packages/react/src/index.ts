//! Docle in React: what the package exports.

export { useDocle, type UseDocle } from "./use-docle.ts";
