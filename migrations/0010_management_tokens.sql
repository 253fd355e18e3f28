-- Keys with which a server manages one project, as its owner does with a session. They run nothing.
ALTER TABLE api_keys ADD COLUMN is_management INTEGER NOT NULL DEFAULT 0;
