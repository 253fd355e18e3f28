-- What the operator decides about an account.

-- 1: the account has no daily quotas of its own but those of models, and does not draw from what all strangers share.
ALTER TABLE users ADD COLUMN trusted INTEGER NOT NULL DEFAULT 0;
-- Since when the account is suspended: its keys and sessions are refused, and its runs and rooms end within a minute.
ALTER TABLE users ADD COLUMN suspended_at INTEGER;
