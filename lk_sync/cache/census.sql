-- name: shared_sums
-- Sums due by bills of the two latest months of more accounts than a few.
SELECT amount_due_kopecks FROM (
    SELECT DISTINCT account, amount_due_kopecks FROM (
        SELECT account, amount_due_kopecks, DENSE_RANK() OVER (PARTITION BY account ORDER BY period DESC) AS month
        FROM bills WHERE period >= :since AND state = :issued) AS billed
    WHERE month <= 2 AND amount_due_kopecks > 0) AS due
GROUP BY amount_due_kopecks HAVING COUNT(*) > :few;

-- name: shared_numbers
-- Numbers that bills of several accounts bear, so that they tell nothing of one.
SELECT number FROM bills WHERE period >= :since AND state = :issued
GROUP BY number HAVING MIN(account) < MAX(account);

-- name: shared_payments
-- Sum and day of a payment that is among the two latest of several accounts.
SELECT amount_kopecks, paid_on FROM (
    SELECT account, amount_kopecks, paid_on,
           ROW_NUMBER() OVER (PARTITION BY account ORDER BY paid_on DESC, payment DESC) AS place
    FROM payments WHERE paid_on >= :since AND amount_kopecks > 0) AS booked
WHERE place <= 2
GROUP BY amount_kopecks, paid_on HAVING MIN(account) < MAX(account);

-- name: shared_serials
-- Serials of meters in service that several accounts have.
SELECT serial FROM meters WHERE removed_on IS NULL
GROUP BY serial HAVING MIN(account) < MAX(account);

-- name: billed
-- How many accounts have a bill, and the latest month that has one.
SELECT COUNT(DISTINCT account), MAX(period) FROM bills WHERE period >= :since AND state = :issued;

-- name: months_billed
-- The months that have bills, the latest first.
SELECT DISTINCT period FROM bills WHERE period >= :since AND state = :issued ORDER BY period DESC LIMIT 2;

-- name: numbers_in_order
-- Account and bill of the latest month, in the order of the accounts.
SELECT a.number, b.number FROM bills AS b JOIN accounts AS a ON a.account = b.account
WHERE b.period = :period AND b.state = :issued
ORDER BY b.account LIMIT :most;

-- name: editions
-- What is counted changes with these; a cache that was filled anew begins with another run.
SELECT dataset, source, data_version, (SELECT MIN(run) FROM published_runs)
FROM dataset_state WHERE dataset IN ('bills', 'payments', 'meters') ORDER BY dataset, source;
