-- Scripts in isolates: what a project decides about them, and what its scripts were.

-- JSON: the hosts that they may reach, and the database that they may read.
ALTER TABLE projects ADD COLUMN isolates TEXT NOT NULL DEFAULT '{}';

-- Only scripts have these languages, so that they are listed without touching a project's other runs.
CREATE INDEX usage_runs_of_scripts ON usage_runs (project_id, created_at, run_id)
    WHERE language IN ('javascript', 'typescript');
