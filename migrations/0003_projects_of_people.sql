-- Projects belong to people, and keys have limits.

-- Null for a project that nobody owns, as the one of a development machine.
ALTER TABLE projects ADD COLUMN user_id TEXT REFERENCES users (id);
-- Whether the addresses that its runs are asked for from are kept.
ALTER TABLE projects ADD COLUMN store_ip INTEGER NOT NULL DEFAULT 0;
CREATE INDEX projects_by_user ON projects (user_id, created_at, id);

-- A JSON array of hosts; an empty one restricts nothing.
ALTER TABLE api_keys ADD COLUMN allowed_domains TEXT NOT NULL DEFAULT '[]';
-- A key that says nothing else has the highest limit: so have the keys from before there were any.
ALTER TABLE api_keys ADD COLUMN rate_limit_per_minute INTEGER NOT NULL DEFAULT 10000;
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;
ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER;
CREATE INDEX api_keys_by_project ON api_keys (project_id, created_at, id);
