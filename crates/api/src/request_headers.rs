//! The headers of requests that pages of any origin may send: the CORS preflight allows these, and docs/api.md lists them.

/// The name of every header that a page may need to set itself.
pub const REQUEST_HEADERS: [&str; 9] = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "X-API-Key",
    "X-Request-Id",
];
