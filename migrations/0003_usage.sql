-- Copies of what the UsageLog objects keep: counts by hour for 400 days, and the latest runs of each project.
--
-- An object writes its copy some seconds after a change, so the load follows active projects and not runs. The object itself
-- is exact. A tier is `run` (a jail in a container) or `isolate` (a dynamic Worker). A shard is the number of one of a
-- project's objects. The project is not referenced: a copy may arrive while the project is being deleted.

-- Runs by hour (hours since 1970 in UTC) and kind.
CREATE TABLE usage_hours (
    project_id TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    hour       INTEGER NOT NULL,
    tier       TEXT NOT NULL,
    language   TEXT NOT NULL,
    status     TEXT NOT NULL,
    runs       INTEGER NOT NULL,
    PRIMARY KEY (project_id, shard, hour, tier, language, status)
) STRICT, WITHOUT ROWID;
-- The purge finds old hours without reading the others.
CREATE INDEX usage_hours_by_hour ON usage_hours (hour);

-- The last 50 runs of a project: a JSON array, the newest first.
CREATE TABLE usage_recent (
    project_id TEXT NOT NULL,
    shard      INTEGER NOT NULL,
    runs       TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, shard)
) STRICT, WITHOUT ROWID;

-- Logs of deleted projects, until nothing of them is left.
CREATE TABLE usage_orphans (
    log_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
