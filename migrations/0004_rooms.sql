-- Rooms of projects. Their content is in their objects.

-- The project is not referenced: a room's row outlives the project until the room's object is deleted, too.
CREATE TABLE rooms (
    id         TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX rooms_by_project ON rooms (project_id, created_at, id);
