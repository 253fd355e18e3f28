-- What was run: one row per run for 90 days, and counts that are kept.
--
-- A tier is `run` (a jail in a container) or `isolate` (a dynamic Worker). Every index begins with project_id: no query
-- about one project reads the rows of another.

CREATE TABLE usage_runs (
    run_id       TEXT PRIMARY KEY,
    project_id   TEXT NOT NULL,
    key_id       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    tier         TEXT NOT NULL,
    language     TEXT NOT NULL,
    -- The beginning of the source.
    snippet      TEXT NOT NULL,
    status       TEXT NOT NULL,
    exit_code    INTEGER NOT NULL,
    duration_ms  INTEGER NOT NULL,
    -- The id in user_context, which is JSON as the client sent it.
    end_user_id  TEXT,
    user_context TEXT,
    -- Null unless the project sets store_ip.
    ip           TEXT
) STRICT;
CREATE INDEX usage_runs_by_project ON usage_runs (project_id, created_at, run_id);
CREATE INDEX usage_runs_by_end_user ON usage_runs (project_id, end_user_id, created_at, run_id);
CREATE INDEX usage_runs_by_time ON usage_runs (created_at);
-- Scripts are listed without reading a project's other runs.
CREATE INDEX usage_runs_of_scripts ON usage_runs (project_id, created_at, run_id) WHERE tier = 'isolate';

-- Runs by hour (hours since 1970 in UTC) and status, for the series of usage: the only question that names hours.
CREATE TABLE usage_hours (
    project_id TEXT NOT NULL,
    hour       INTEGER NOT NULL,
    status     TEXT NOT NULL,
    runs       INTEGER NOT NULL,
    PRIMARY KEY (project_id, hour, status)
) STRICT, WITHOUT ROWID;

-- Runs since the beginning by tier, language, status and duration, so that totals read no hours. A bucket is a range of
-- durations whose ends are at most a sixteenth apart, so that percentiles need no rows of runs.
CREATE TABLE usage_totals (
    project_id TEXT NOT NULL,
    tier       TEXT NOT NULL,
    language   TEXT NOT NULL,
    status     TEXT NOT NULL,
    bucket     INTEGER NOT NULL,
    runs       INTEGER NOT NULL,
    PRIMARY KEY (project_id, tier, language, status, bucket)
) STRICT, WITHOUT ROWID;

-- Runs since the beginning by key.
CREATE TABLE usage_keys (
    project_id TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    runs       INTEGER NOT NULL,
    PRIMARY KEY (project_id, key_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_keys_by_runs ON usage_keys (project_id, runs);

-- Runs by end user.
CREATE TABLE usage_end_users (
    project_id  TEXT NOT NULL,
    end_user_id TEXT NOT NULL,
    runs        INTEGER NOT NULL,
    last_run_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, end_user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_end_users_by_runs ON usage_end_users (project_id, runs);

-- Deleted projects that still have rows in the tables above.
CREATE TABLE usage_orphans (
    project_id TEXT PRIMARY KEY
) STRICT;
