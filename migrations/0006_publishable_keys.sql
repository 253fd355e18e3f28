-- Publishable keys stand in web pages, so they are no secret: their owner can see them any time.

-- The key itself; null for a secret key, of which only the hash is stored.
ALTER TABLE api_keys ADD COLUMN publishable_key TEXT;
-- JSON: the most that a call with a publishable key may use; null for a secret key.
ALTER TABLE api_keys ADD COLUMN page_limits TEXT;
