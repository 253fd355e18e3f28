-- People, how they sign in, and the log of what they did.
--
-- Ids are opaque text (`proj_…`, `key_…`); times are milliseconds since 1970 in UTC. Secrets are never stored: token_hash
-- is the SHA-256 of a token in lower-case hexadecimal. The scheduled event deletes rows some time after their expires_at.

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    -- Trimmed and in lower case, so that one address is one account.
    email      TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- A link is a row until it is redeemed; redeeming deletes it.
CREATE TABLE login_links (
    token_hash TEXT PRIMARY KEY,
    email      TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_links_by_expiry ON login_links (expires_at);
CREATE INDEX login_links_by_email ON login_links (email);

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    token_hash   TEXT NOT NULL UNIQUE,
    user_id      TEXT NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ip           TEXT,
    user_agent   TEXT
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at, id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- One row per counted attempt; the rows of a subject within a window are its count.
CREATE TABLE attempts (
    subject TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_by_subject ON attempts (subject, at);
CREATE INDEX attempts_by_time ON attempts (at);

-- Mail of a development machine, which sends none. Empty everywhere else.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY,
    recipient  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    text       TEXT NOT NULL,
    html       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Who did what, when and from where. An event outlives its user and its subject, so it references neither.
CREATE TABLE audit_events (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    project_id TEXT,
    action     TEXT NOT NULL,
    -- The id of the session, project, key or account that was acted on.
    subject    TEXT NOT NULL,
    at         INTEGER NOT NULL,
    ip         TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX audit_events_by_user ON audit_events (user_id, at, id);
CREATE INDEX audit_events_by_project ON audit_events (project_id, at, id);
