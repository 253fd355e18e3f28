-- Programs that wait for their user to type a code into the page /device (RFC 8628). A row is there for ten minutes, or until
-- the program has its management token. code_hash is the SHA-256 of the device code in lower-case hexadecimal.
CREATE TABLE device_logins (
    code_hash  TEXT PRIMARY KEY,
    -- What the user types, without the hyphen.
    user_code  TEXT NOT NULL UNIQUE,
    -- What the program calls itself.
    client     TEXT NOT NULL,
    -- `pending`, `approved`, `denied`, or `redeemed` while the token is being made.
    state      TEXT NOT NULL DEFAULT 'pending',
    project_id TEXT,
    created_at INTEGER NOT NULL,
    polled_at  INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL,
    ip         TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX device_logins_by_expiry ON device_logins (expires_at);
