-- Rooms of projects. Their content is in their objects.

-- The project is not referenced: a room's row outlives the project until the room's object is deleted, too.
CREATE TABLE rooms (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    name       TEXT
) STRICT;
CREATE INDEX rooms_by_project ON rooms (project_id, created_at, id);

-- Projects that are gone and may have rooms left. A project stands here until its last room is deleted.
CREATE TABLE room_orphans (
    project_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
