-- name: states
-- What each dataset holds: from where, by which run, as of when.
SELECT dataset, source, run, published_at FROM dataset_state ORDER BY dataset, source;

-- name: codes
-- The dictionary of short words.
SELECT id, code FROM codes;

-- name: services
-- Services and their components as the bill names them.
SELECT service, component, title, unit, position FROM services;

-- name: account_key^
-- The key of an account number that is not plain digits.
SELECT account FROM account_keys WHERE number = :number;

-- name: holder_key^
-- Who holds the account.
SELECT holder_key FROM accounts WHERE account = :account;

-- name: card^
-- The account itself.
SELECT number, unified_account, holder_key, holder_kind, holder_since, address, area_micro, residents,
       opened_on, closed_on, extra, living_area_micro, registered
FROM accounts WHERE account = :account;

-- name: balance
-- Balance by service at the end of the latest month that has one.
SELECT service, period, opening_kopecks, charged_kopecks + recalculated_kopecks - benefit_kopecks, penalty_kopecks,
       paid_kopecks, closing_kopecks
FROM balances
WHERE account = :account AND period = (SELECT MAX(b.period) FROM balances AS b WHERE b.account = :account)
ORDER BY service;

-- name: bills
-- Bills, the newest first, withdrawn ones too.
SELECT period, number, issued_on, due_on, paid_until, amount_due_kopecks, state, extra
FROM bills WHERE account = :account AND period >= :since
ORDER BY period DESC, issued_on DESC, number DESC LIMIT :most OFFSET :passed;

-- name: charged_months^
-- The first and the last month with lines of charges, and with balances (penalties go on without lines).
SELECT (SELECT MIN(period) FROM charges WHERE account = :account AND period >= :since),
       (SELECT MAX(period) FROM charges WHERE account = :account AND period >= :since),
       (SELECT MIN(period) FROM balances WHERE account = :account AND period >= :since),
       (SELECT MAX(period) FROM balances WHERE account = :account AND period >= :since);

-- name: charges
-- Lines of charges of a range of months, both ends included, in key order.
SELECT period, service, component, volume_micro, tariff_micro, method, charged_kopecks, recalculated_kopecks,
       recalculation_reason, benefit_kopecks, total_kopecks, extra
FROM charges
WHERE account = :account AND period BETWEEN :first AND :last
ORDER BY period, service, component;

-- name: full_charges
-- Lines of charges of a range of months with all that tells how they were counted, in key order.
SELECT period, service, component, volume_micro, tariff_micro, method, charged_kopecks, recalculated_kopecks,
       recalculation_reason, benefit_kopecks, total_kopecks, days, norm_micro, uplift_micro
FROM charges
WHERE account = :account AND period BETWEEN :first AND :last
ORDER BY period, service, component;

-- name: settlements
-- Balances of a range of months by service, in key order.
SELECT period, service, opening_kopecks, penalty_kopecks, paid_kopecks, closing_kopecks
FROM balances
WHERE account = :account AND period BETWEEN :first AND :last
ORDER BY period, service;

-- name: charge_sums
-- What all lines of a range of months come to, by service and component.
SELECT service, component, CAST(SUM(volume_micro) AS BIGINT), CAST(SUM(charged_kopecks) AS BIGINT),
       CAST(SUM(recalculated_kopecks) AS BIGINT), CAST(SUM(benefit_kopecks) AS BIGINT),
       CAST(SUM(total_kopecks) AS BIGINT)
FROM charges
WHERE account = :account AND period BETWEEN :first AND :last
GROUP BY service, component
ORDER BY service, component;

-- name: turnover^
-- Penalty and payments of a range of months, and the balance it began and ended with.
SELECT CAST(SUM(b.penalty_kopecks) AS BIGINT), CAST(SUM(b.paid_kopecks) AS BIGINT),
       CAST(SUM(CASE WHEN b.period = n.first THEN b.opening_kopecks END) AS BIGINT),
       CAST(SUM(CASE WHEN b.period = n.last THEN b.closing_kopecks END) AS BIGINT)
FROM (SELECT MIN(period) AS first, MAX(period) AS last
      FROM balances WHERE account = :account AND period BETWEEN :first AND :last) AS n
JOIN balances AS b ON b.account = :account AND b.period BETWEEN n.first AND n.last;

-- name: payments
-- Payments that the accounting system knows of, the newest first.
SELECT payment, paid_on, period, amount_kopecks, channel, extra, state
FROM payments WHERE account = :account AND paid_on BETWEEN :since AND :until
ORDER BY paid_on DESC, payment DESC LIMIT :most OFFSET :passed;

-- name: payment_years
-- The years that have payments, the latest first.
SELECT DISTINCT SUBSTR(paid_on, 1, 4) AS year
FROM payments WHERE account = :account AND paid_on >= :since ORDER BY year DESC;

-- name: last_payment^
-- The latest payment that counts, and what was booked for later months than :period. A day has ten characters.
SELECT p.payment, p.paid_on, p.period, p.amount_kopecks, p.channel, p.extra, n.paid
FROM (SELECT MAX(paid_on || ' ' || payment) AS newest,
             SUM(CASE WHEN period > :period THEN amount_kopecks ELSE 0 END) AS paid
      FROM payments WHERE account = :account AND paid_on >= :since
          AND (state IS NULL OR state = (SELECT id FROM codes WHERE code = 'booked'))) AS n
JOIN payments AS p ON p.account = :account AND p.payment = SUBSTR(n.newest, 12);

-- name: meters
-- Meters of the account; those in service first.
SELECT meter, serial, service, model, place, unit, digits_int, digits_frac, installed_on, removed_on, verified_on,
       verification_due_on, automatic, extra, seal, sealed_on, act, replaces, initial_micro, final_micro
FROM meters WHERE account = :account
ORDER BY CASE WHEN removed_on IS NULL THEN 0 ELSE 1 END, service, meter;

-- name: last_readings
-- The latest reading of each meter, whoever took it. A day has ten characters, so the id begins at the twelfth.
SELECT r.meter, r.taken_on, r.period, r.value_micro, r.source, r.extra
FROM (SELECT meter, MAX(taken_on || ' ' || reading) AS newest
      FROM readings WHERE account = :account AND taken_on >= :since GROUP BY meter) AS n
JOIN readings AS r ON r.account = :account AND r.meter = n.meter AND r.reading = SUBSTR(n.newest, 12);

-- name: readings
-- Readings of one meter, the newest first.
SELECT taken_on, period, value_micro, source, extra
FROM readings WHERE account = :account AND meter = :meter AND taken_on >= :since
ORDER BY taken_on DESC, reading DESC LIMIT :most OFFSET :passed;

-- name: unit_charges
-- Lines of a service in its latest month that was charged by meter, for an estimate of what a reading costs.
SELECT component, volume_micro, total_kopecks, charged_kopecks, tariff_micro
FROM charges
WHERE account = :account AND service = :service AND period = (
      SELECT MAX(c.period) FROM charges AS c
      WHERE c.account = :account AND c.service = :service AND c.method = :method)
ORDER BY component;

-- name: documents
-- Contracts, acts and other documents, the newest first.
SELECT document, kind, number, signed_on, title, extra, valid_until
FROM documents WHERE account = :account AND signed_on >= :since
ORDER BY signed_on DESC, document DESC LIMIT :most OFFSET :passed;

-- name: equipment
-- What stands in the premise, what was taken away last.
SELECT equipment, title, serial, place, installed_on, removed_on
FROM equipment WHERE account = :account
ORDER BY removed_on IS NOT NULL, title, equipment LIMIT 200;

-- name: tariffs
-- Of components that the account was charged for, those that held on :since or later, the newest first.
SELECT t.service, t.component, t.since, t.until, t.tariff_micro, NULL, t.basis
FROM (SELECT DISTINCT service, component FROM charges WHERE account = :account) AS n
JOIN tariffs AS t ON t.service = n.service AND t.component = n.component AND (t.until IS NULL OR t.until >= :since)
ORDER BY t.since DESC LIMIT 200;

-- name: norms
-- As tariffs.
SELECT t.service, t.component, t.since, t.until, t.norm_micro, t.per, t.basis
FROM (SELECT DISTINCT service, component FROM charges WHERE account = :account) AS n
JOIN norms AS t ON t.service = n.service AND t.component = n.component AND (t.until IS NULL OR t.until >= :since)
ORDER BY t.since DESC LIMIT 200;

-- name: works
-- Works that are not over, for the house of the account or for the whole town.
SELECT w.kind, w.service, w.starts_at, w.ends_at, w.what, w.building
FROM accounts AS a JOIN works AS w ON w.building IS NULL OR w.building = a.building
WHERE a.account = :account AND COALESCE(w.ends_at, w.starts_at) >= :now
ORDER BY w.starts_at, w.works LIMIT :most;

-- name: allocations
-- What the payments of some days have closed.
SELECT a.payment, a.period, a.service, a.part, a.amount_kopecks
FROM payments AS p JOIN allocations AS a ON a.account = p.account AND a.payment = p.payment
WHERE p.account = :account AND p.paid_on BETWEEN :first AND :last
ORDER BY a.payment, a.allocation;

-- name: first_load^
-- When the dataset was first published; before that nothing was known of it.
SELECT MIN(p.published_at) FROM journal AS j JOIN published_runs AS p ON p.run = j.run
WHERE j.dataset = :dataset AND j.act = 'load';

-- name: changes_of
-- What was changed of an account since a moment, the latest first.
SELECT j.row_key, j.was FROM journal AS j JOIN published_runs AS p ON p.run = j.run
WHERE j.account = :account AND j.dataset = :dataset AND p.published_at >= :since
ORDER BY j.run DESC;

-- name: news
-- What runs after this one have changed of bills and money, account by account, in their order.
SELECT account, dataset, row_key, was, now FROM journal
WHERE run > :run AND account IS NOT NULL AND dataset IN ('bills', 'charges', 'balances', 'payments')
ORDER BY account, run;

-- name: newest_run^
-- The latest run that is published.
SELECT MAX(run) FROM published_runs;

-- name: changed_accounts
-- Accounts of whose bills and money runs of a range have changed something, in their order.
SELECT DISTINCT account FROM journal
WHERE run > :run AND run <= :upto AND account > :after AND account IS NOT NULL
      AND dataset IN ('bills', 'charges', 'balances', 'payments')
ORDER BY account;

-- name: news_of
-- What runs after this one have changed of the bills and the money of an account, in their order.
SELECT run, dataset, row_key, was, now FROM journal
WHERE account = :account AND run > :run AND dataset IN ('bills', 'charges', 'balances', 'payments')
ORDER BY run;

-- name: month_totals^
-- All that was charged for a month, and all penalties of it.
SELECT (SELECT SUM(total_kopecks) FROM charges WHERE account = :account AND period = :period),
       (SELECT SUM(penalty_kopecks) FROM balances WHERE account = :account AND period = :period);

-- name: meters_due
-- Accounts with a meter in service whose verification is due on a day of a range, in their order.
SELECT DISTINCT account FROM meters
WHERE account > :after AND removed_on IS NULL AND verification_due_on >= :first AND verification_due_on <= :last
ORDER BY account;

-- name: number_of^
-- The number of an account as the bill shows it.
SELECT number FROM accounts WHERE account = :account;

-- name: works_ahead
-- Works that are not over; of those without an end only such as have begun lately.
SELECT works, kind, building, service, starts_at, ends_at, what FROM works
WHERE ends_at >= :now OR (ends_at IS NULL AND starts_at >= :lately)
ORDER BY starts_at, works;

-- name: accounts_of
-- Accounts of a house, in their order.
SELECT account FROM accounts WHERE account > :after AND building = :building ORDER BY account;

-- name: building_of^
-- The house of an account.
SELECT building FROM accounts WHERE account = :account;

-- name: norms_in_force
-- Norms of the components of a service on a day.
SELECT component, norm_micro, per FROM norms
WHERE service = :service AND since <= :day AND (until IS NULL OR until >= :day)
ORDER BY component, since;

-- name: house_volumes
-- What the meter of the account's house showed in a range of months, and over which area it is shared.
SELECT m.period, m.service, m.volume_micro, COALESCE(m.area_micro, b.area_micro)
FROM accounts AS a
JOIN building_months AS m ON m.building = a.building AND m.period BETWEEN :first AND :last
LEFT JOIN buildings AS b ON b.building = a.building
WHERE a.account = :account
ORDER BY m.period, m.service;

-- name: readings_of
-- Readings of all meters that were used for a range of months, meter by meter in the order they were taken.
SELECT meter, taken_on, period, value_micro, source
FROM readings WHERE account = :account AND period BETWEEN :first AND :last AND taken_on >= :since
ORDER BY meter, taken_on, reading LIMIT 5000;

-- name: weather
-- How cold the months of a range were.
SELECT period, degree_days_micro, normal_degree_days_micro FROM weather WHERE period BETWEEN :first AND :last;

-- name: flats
-- What meters showed of a service in a month, flat by flat of a house.
SELECT c.account, c.component, c.volume_micro, a.area_micro, a.residents
FROM accounts AS a JOIN charges AS c ON c.account = a.account AND c.period = :period AND c.service = :service
WHERE a.building = :building AND c.volume_micro IS NOT NULL AND c.method IN (:own_meter, :house_meter)
ORDER BY c.account, c.component LIMIT :most;

-- name: payer^
-- Whom the accounting system calls the holder of an account.
SELECT holder_name FROM accounts WHERE account = :account;

-- name: papers
-- The bills of a month in the order they were issued.
SELECT number, issued_on, due_on, paid_until, amount_due_kopecks, state, extra
FROM bills WHERE account = :account AND period = :period ORDER BY issued_on, number LIMIT 50;

-- name: billed
-- Accounts that have a bill of a month which is not withdrawn, in their order.
SELECT a.account, a.number FROM accounts AS a
WHERE a.account >= :least AND EXISTS (
    SELECT 1 FROM bills AS b WHERE b.account = a.account AND b.period = :period AND b.state = :state
)
ORDER BY a.account LIMIT :most;

-- name: answers_to
-- What the supplier has said to a request, in the order in which it was said.
SELECT request, answer, state, text, answered_on FROM request_answers
WHERE request = :request ORDER BY answered_on, answer LIMIT 50;

-- name: answers_since
-- A page of the answers that runs after one have brought or changed.
SELECT request, answer, state, text, answered_on FROM request_answers
WHERE run > :run AND (request > :request OR (request = :request AND answer > :answer))
ORDER BY request, answer LIMIT :most;
