-- A run may be one that only tried, or one that took another back. What a run would change is kept for whoever decides.
ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'pull' CHECK (kind IN ('pull', 'dry', 'revert'));
ALTER TABLE runs ADD COLUMN reverts BIGINT REFERENCES runs (run);
CREATE INDEX runs_reverts ON runs (reverts) WHERE reverts IS NOT NULL;
CREATE TABLE run_pictures (
    run  BIGINT PRIMARY KEY REFERENCES runs (run),
    body TEXT NOT NULL
);
