-- How the deliveries to a sink go: pulls have their runs, a sink has this line. `done`, `failed`: how many, ever.
CREATE TABLE pushes (
    sink          TEXT PRIMARY KEY,
    tried_at      TEXT NOT NULL,
    done_at       TEXT,
    failing_since TEXT,
    failures      BIGINT NOT NULL,
    error_kind    TEXT,
    error_text    TEXT,
    done          BIGINT NOT NULL,
    failed        BIGINT NOT NULL
);

-- Who walks the timetable: on which machine, and when it was seen last. `ended_at`: it was told to stop.
CREATE TABLE engines (
    engine     TEXT PRIMARY KEY,
    version    TEXT NOT NULL,
    started_at TEXT NOT NULL,
    seen_at    TEXT NOT NULL,
    ended_at   TEXT
);

-- What the operator has been told of: one line per incident, open until it is over.
CREATE TABLE incidents (
    incident  TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT
);
CREATE UNIQUE INDEX incidents_open ON incidents (kind, subject) WHERE closed_at IS NULL;

-- A store that was restored from a copy does not know the numbers that were given after the copy was made.
CREATE TABLE restores (
    restored_at  TEXT PRIMARY KEY,
    copied_at    TEXT NOT NULL,
    runs_past    BIGINT NOT NULL,
    batches_past BIGINT NOT NULL
);

CREATE INDEX runs_source ON runs (source, run);
CREATE INDEX runs_started ON runs (started_at);
