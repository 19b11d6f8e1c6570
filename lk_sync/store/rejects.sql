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

-- name: newest_run^
-- The newest run that rejected something.
SELECT MAX(run) FROM rejects;
