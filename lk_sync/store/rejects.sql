-- name: add!
-- One cell that could not be taken.
INSERT INTO rejects (run, dataset, position, found_in, row_number, row_key, field, value, reason,
    account, stored_key, cells)
VALUES (:run, :dataset, :position, :found_in, :row_number, :row_key, :field, :value, :reason,
    :account, :stored_key, :cells)
ON CONFLICT (run, dataset, position) DO NOTHING;

-- name: of_run
-- The rejects of a run in the source's order.
SELECT dataset, found_in, row_number, row_key, field, value, reason
FROM rejects WHERE run = :run ORDER BY dataset, position LIMIT :most;

-- name: reasons_of_run
-- How often each reason occurred in a run, the most frequent first.
SELECT dataset, field, reason, COUNT(*) AS times
FROM rejects WHERE run = :run GROUP BY dataset, field, reason ORDER BY times DESC, dataset, field;

-- name: causes
-- Why rows lie on the desk, the most frequent cause first. Runs that were thrown away have brought nothing to settle.
SELECT r.source, j.dataset, j.field, j.reason, COUNT(*) AS times, COUNT(DISTINCT j.account), MIN(j.run), MAX(j.run)
FROM rejects AS j JOIN runs AS r ON r.run = j.run
WHERE j.settled_at IS NULL AND r.state IN ('published', 'unchanged', 'held')
GROUP BY r.source, j.dataset, j.field, j.reason ORDER BY times DESC, r.source, j.dataset, j.field, j.reason;

-- name: unsettled
-- The cells that lie on the desk, of all runs or of one, in the order they came.
SELECT r.source, r.state, j.run, j.dataset, j.position, j.found_in, j.row_number, j.row_key, j.field, j.value, j.reason,
    j.account, j.stored_key, j.cells
FROM rejects AS j JOIN runs AS r ON r.run = j.run
WHERE j.settled_at IS NULL AND r.state IN ('published', 'unchanged', 'held')
    AND (CAST(:run AS BIGINT) IS NULL OR j.run = :run)
    AND (CAST(:source AS TEXT) IS NULL OR r.source = :source)
    AND (CAST(:dataset AS TEXT) IS NULL OR j.dataset = :dataset)
ORDER BY j.run, j.dataset, j.position;

-- name: unsettled_accounts
-- Which data of which accounts lack something that subscribers would see.
SELECT DISTINCT j.account, j.dataset
FROM rejects AS j JOIN runs AS r ON r.run = j.run
WHERE j.settled_at IS NULL AND j.account IS NOT NULL AND r.state IN ('published', 'unchanged');

-- name: settle!
-- A row of a run is settled with all its cells.
UPDATE rejects SET settled_at = :at, settled_by = :by, cells = NULL
WHERE run = :run AND dataset = :dataset AND found_in = :found_in AND row_number = :row_number AND settled_at IS NULL;

-- name: settle_run!
-- Everything that a run has rejected.
UPDATE rejects SET settled_at = :at, settled_by = :by, cells = NULL WHERE run = :run AND settled_at IS NULL;

-- name: settle_before!
-- A whole snapshot of a dataset was read after them: its source has said everything anew.
UPDATE rejects SET settled_at = :at, settled_by = :by, cells = NULL
WHERE settled_at IS NULL AND dataset = :dataset AND run < :run
    AND run IN (SELECT runs.run FROM runs WHERE runs.source = :source);

-- name: newest_run^
-- The newest run that rejected something.
SELECT MAX(run) FROM rejects;
