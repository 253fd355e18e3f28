-- Projects, and the API keys that run programs for them.

CREATE TABLE projects (
    id              TEXT PRIMARY KEY,
    -- 40 random bits in lower-case hexadecimal. They name the object that keeps the project's history, and begin its run ids.
    log_id          TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    -- Null for a project without an owner: the one of a development machine.
    user_id         TEXT REFERENCES users (id),
    -- 1: the client addresses of its runs are kept.
    store_ip        INTEGER NOT NULL DEFAULT 0,
    -- 1: only the project's own keys and its owner read a result. 0: so does everybody who knows the run's id.
    private_results INTEGER NOT NULL DEFAULT 0,
    -- JSON: the hosts that scripts of the isolate tier may reach, and the database that they may read.
    isolates        TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX projects_by_user ON projects (user_id, created_at, id);

-- A key itself is never stored: key_hash is the SHA-256 of the whole key in lower-case hexadecimal, key_prefix its first
-- 12 characters for display.
CREATE TABLE api_keys (
    id                    TEXT PRIMARY KEY,
    project_id            TEXT NOT NULL REFERENCES projects (id),
    name                  TEXT NOT NULL,
    key_hash              TEXT NOT NULL UNIQUE,
    key_prefix            TEXT NOT NULL,
    created_at            INTEGER NOT NULL,
    -- Set once, when the key stops working for good.
    revoked_at            INTEGER,
    -- A JSON array of hosts; an empty one restricts nothing.
    allowed_domains       TEXT NOT NULL DEFAULT '[]',
    rate_limit_per_minute INTEGER NOT NULL DEFAULT 60,
    expires_at            INTEGER,
    last_used_at          INTEGER,
    -- The key that replaces this one since its rotation. It is stored after this, so it is no reference.
    successor_id          TEXT
) STRICT;
CREATE INDEX api_keys_by_project ON api_keys (project_id, created_at, id);
CREATE UNIQUE INDEX api_keys_by_successor ON api_keys (successor_id) WHERE successor_id IS NOT NULL;
