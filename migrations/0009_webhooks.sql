-- The secrets that sign the webhooks of projects.

CREATE TABLE webhook_secrets (
    project_id      TEXT PRIMARY KEY REFERENCES projects (id),
    -- Encrypted with a key of the deployment, as is the one before it. It begins with the name of that key.
    secret          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    -- The secret before, which signs as well until this time.
    previous_secret TEXT,
    previous_until  INTEGER,
    -- Since when nothing is delivered, because every attempt of seven days failed.
    disabled_at     INTEGER
) STRICT, WITHOUT ROWID;
-- The purge finds secrets that were encrypted with an earlier key.
CREATE INDEX webhook_secrets_by_key ON webhook_secrets (secret);
-- And those that sign no more.
CREATE INDEX webhook_secrets_by_end ON webhook_secrets (previous_until) WHERE previous_until IS NOT NULL;
