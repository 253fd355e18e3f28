-- Projects and the API keys that run programs for them.
--
-- Ids are opaque text (`proj_…`, `key_…`); times are milliseconds since 1970 in UTC. A key itself is never stored:
-- key_hash is the SHA-256 of the whole key in lower-case hexadecimal, key_prefix its first 12 characters for display.

CREATE TABLE projects (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    name       TEXT NOT NULL,
    key_hash   TEXT NOT NULL UNIQUE,
    key_prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Set once, when the key stops working for good.
    revoked_at INTEGER
) STRICT;
