-- name: plan!
-- Works, at once or from a later moment on.
INSERT INTO maintenance (entry, mode, starts_at, ends_at, text_ru, text_en, set_by, set_at)
VALUES (:entry, :mode, :starts_at, :ends_at, :text_ru, :text_en, :set_by, :now);

-- name: standing
-- Works that go on or are still to come, those that begin first first.
SELECT entry, mode, starts_at, ends_at, text_ru, text_en, set_by
FROM maintenance
WHERE ended_at IS NULL AND (ends_at IS NULL OR ends_at > :now)
ORDER BY starts_at, entry;

-- name: end_begun!
-- Works that go on are over.
UPDATE maintenance SET ended_at = :now
WHERE ended_at IS NULL AND starts_at <= :now AND (ends_at IS NULL OR ends_at > :now);

-- name: end_all!
-- Works that go on are over, those to come are called off.
UPDATE maintenance SET ended_at = :now WHERE ended_at IS NULL AND (ends_at IS NULL OR ends_at > :now);
