-- name: open^
-- The next run of a job begins.
INSERT INTO runs (run, job, source, started_by, state, started_at)
SELECT COALESCE(MAX(run), 0) + 1, :job, :source, :started_by, 'running', :started_at FROM runs
RETURNING run;

-- name: close!
-- A run ends; only one that is still open can end.
UPDATE runs
SET state = :state, finished_at = :finished_at, error_kind = :error_kind, error_text = :error_text
WHERE run = :run AND state = 'running';
