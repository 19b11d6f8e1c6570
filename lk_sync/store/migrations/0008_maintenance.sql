-- When the portal may only be read, or is closed: now, or from a planned moment. Every machine looks here.
CREATE TABLE maintenance (
    entry     TEXT PRIMARY KEY,
    mode      TEXT NOT NULL CHECK (mode IN ('read_only', 'closed')),
    starts_at TEXT NOT NULL,
    ends_at   TEXT,
    text_ru   TEXT NOT NULL,
    text_en   TEXT NOT NULL,
    set_by    TEXT NOT NULL,
    set_at    TEXT NOT NULL,
    ended_at  TEXT
);
CREATE INDEX maintenance_standing ON maintenance (starts_at) WHERE ended_at IS NULL;
