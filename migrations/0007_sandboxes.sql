-- Sandboxes: the directory of what projects have. What a sandbox is like stands in its object.

-- The project is not referenced: a sandbox's row outlives the project until the sandbox's object is deleted, too.
CREATE TABLE sandboxes (
    id           TEXT PRIMARY KEY,
    project_id   TEXT NOT NULL,
    -- The project's own name for it.
    key          TEXT,
    name         TEXT,
    description  TEXT,
    language     TEXT NOT NULL,
    status       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    -- Bytes of its saved files and snapshots.
    stored_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sandboxes_by_project ON sandboxes (project_id, created_at, id);
CREATE UNIQUE INDEX sandboxes_by_key ON sandboxes (project_id, key) WHERE key IS NOT NULL;

-- Projects that are gone and may have sandboxes left. A project stands here until its last sandbox is deleted.
CREATE TABLE sandbox_orphans (
    project_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
