-- name: taken^
-- Whether an answer file with these bytes has been read.
SELECT 1 FROM answers WHERE sink = :sink AND sha256 = :sha256;

-- name: take!
-- An answer file is read; committed together with everything it says.
INSERT INTO answers (sink, sha256, file, row_count, taken_at)
VALUES (:sink, :sha256, :file, :row_count, :now);

-- name: stray!
-- A line that fits no item of ours as it stands.
INSERT INTO stray_answers (sink, sha256, line, item, status, code, text, reason, found_at)
VALUES (:sink, :sha256, :line, :item, :status, :code, :text, :reason, :now);

-- name: strays
-- Stray lines found since an instant, newest first, with the file they stood in.
SELECT s.sink, a.file, s.line, s.item, s.status, s.code, s.text, s.reason, s.found_at
FROM stray_answers s JOIN answers a ON a.sink = s.sink AND a.sha256 = s.sha256
WHERE s.found_at >= :since
ORDER BY s.found_at DESC, s.sink, a.file, s.line
LIMIT :limit;

-- name: strays_of
-- Stray lines of one answer file.
SELECT s.sink, a.file, s.line, s.item, s.status, s.code, s.text, s.reason, s.found_at
FROM stray_answers s JOIN answers a ON a.sink = s.sink AND a.sha256 = s.sha256
WHERE s.sink = :sink AND s.sha256 = :sha256
ORDER BY s.line;

-- name: stray_count^
-- How many stray lines were found since an instant.
SELECT COUNT(*) FROM stray_answers WHERE found_at >= :since;
