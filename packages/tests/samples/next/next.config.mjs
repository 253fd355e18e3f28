//! The sample is a root of its own, whatever lies above it.

export default { turbopack: { root: import.meta.dirname } };
