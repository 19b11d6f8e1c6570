-- A row that was not taken is kept with its cells, so that it can be tried again, and until somebody has settled it.
-- `cells`: field → [column, cell] as the source gave them; `stored_key`: its key as it would lie in the cache.
ALTER TABLE rejects ADD COLUMN account TEXT;
ALTER TABLE rejects ADD COLUMN stored_key TEXT;
ALTER TABLE rejects ADD COLUMN cells TEXT;
ALTER TABLE rejects ADD COLUMN settled_at TEXT;
ALTER TABLE rejects ADD COLUMN settled_by TEXT;
CREATE INDEX rejects_open ON rejects (dataset, account) WHERE settled_at IS NULL;
