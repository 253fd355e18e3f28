-- Keys that may stand in URLs, for clients that send no header. They run programs and do nothing else.
ALTER TABLE api_keys ADD COLUMN allow_in_url INTEGER NOT NULL DEFAULT 0;
