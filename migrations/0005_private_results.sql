-- A project decides who reads its results, and a key that says nothing has the limit that the documentation promises.

-- Whether a result is read by the project's own keys and owner only, instead of by whoever knows its id.
ALTER TABLE projects ADD COLUMN private_results INTEGER NOT NULL DEFAULT 0;

-- A default cannot be changed, so the column is made anew; keys that are there keep the limit that they have.
ALTER TABLE api_keys RENAME COLUMN rate_limit_per_minute TO rate_limit_before;
ALTER TABLE api_keys ADD COLUMN rate_limit_per_minute INTEGER NOT NULL DEFAULT 60;
UPDATE api_keys SET rate_limit_per_minute = rate_limit_before;
ALTER TABLE api_keys DROP COLUMN rate_limit_before;
