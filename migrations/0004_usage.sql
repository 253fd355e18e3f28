-- What was run: one row per run for 90 days, and counts that are kept.
--
-- Every index begins with project_id: no question about one project touches the rows of another.

CREATE TABLE usage_runs (
    run_id       TEXT PRIMARY KEY,
    project_id   TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    language     TEXT NOT NULL,
    -- The beginning of the source.
    snippet      TEXT NOT NULL,
    status       TEXT NOT NULL,
    exit_code    INTEGER NOT NULL,
    duration_ms  INTEGER NOT NULL,
    -- For whom it was run: the id in user_context, which is JSON as the caller sent it.
    end_user_id  TEXT,
    user_context TEXT,
    -- Null unless the project wants it.
    ip           TEXT
) STRICT;
CREATE INDEX usage_runs_by_project ON usage_runs (project_id, created_at, run_id);
CREATE INDEX usage_runs_by_end_user ON usage_runs (project_id, end_user_id, created_at, run_id);
CREATE INDEX usage_runs_by_time ON usage_runs (created_at);

-- Runs by hour (hours since 1970 in UTC), key, language, status and how long they took. A bucket is a range of
-- durations whose ends are at most a sixteenth apart, so that percentiles need no rows of runs.
CREATE TABLE usage_hours (
    project_id TEXT NOT NULL,
    hour       INTEGER NOT NULL,
    key_id     TEXT NOT NULL,
    language   TEXT NOT NULL,
    status     TEXT NOT NULL,
    bucket     INTEGER NOT NULL,
    runs       INTEGER NOT NULL,
    PRIMARY KEY (project_id, hour, key_id, language, status, bucket)
) STRICT, WITHOUT ROWID;

-- Runs by end user.
CREATE TABLE usage_end_users (
    project_id  TEXT NOT NULL,
    end_user_id TEXT NOT NULL,
    runs        INTEGER NOT NULL,
    last_run_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, end_user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_end_users_by_runs ON usage_end_users (project_id, runs);

-- Projects that are gone, while rows of theirs remain.
CREATE TABLE usage_orphans (
    project_id TEXT PRIMARY KEY
) STRICT;
