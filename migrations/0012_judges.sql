-- Judges that a project keeps: tests, and what decides on them. A judge never changes. settings is the JSON that made it.
CREATE TABLE judges (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    name       TEXT NOT NULL,
    tests      INTEGER NOT NULL,
    settings   TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX judges_by_project ON judges (project_id, created_at, id);
