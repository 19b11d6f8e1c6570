-- Users. A user record is linked to an account and to the holder it was made for.
CREATE TABLE user_records (
    user_code           TEXT PRIMARY KEY,
    account             TEXT NOT NULL,
    holder_key          TEXT NOT NULL,
    email               TEXT NOT NULL,
    language            TEXT NOT NULL,
    password_hash       TEXT NOT NULL,
    password_kind       TEXT NOT NULL CHECK (password_kind IN ('one_time', 'own')),
    password_expires_at TEXT,
    created_at          TEXT NOT NULL,
    ended_at            TEXT
);
CREATE UNIQUE INDEX user_records_account ON user_records (account) WHERE ended_at IS NULL;

-- Registration requests wait here, so that the answer to the browser cannot depend on what they hold.
CREATE TABLE registrations (
    registration   TEXT PRIMARY KEY,
    account        TEXT NOT NULL,
    email          TEXT NOT NULL,
    amount_kopecks BIGINT NOT NULL,
    language       TEXT NOT NULL,
    rules_version  TEXT NOT NULL,
    rules_sha256   TEXT NOT NULL,
    consent_version TEXT NOT NULL,
    consent_sha256 TEXT NOT NULL,
    address        TEXT NOT NULL,
    browser        TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    lease_until    TEXT,
    outcome        TEXT,
    settled_at     TEXT
);
CREATE INDEX registrations_waiting ON registrations (created_at) WHERE outcome IS NULL;

-- Append only: which text was accepted, when, by which act.
CREATE TABLE consents (
    consent   TEXT PRIMARY KEY,
    user_code TEXT NOT NULL REFERENCES user_records (user_code),
    kind      TEXT NOT NULL CHECK (kind IN ('rules', 'personal_data')),
    version   TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    act       TEXT NOT NULL,
    address   TEXT NOT NULL,
    browser   TEXT NOT NULL,
    given_at  TEXT NOT NULL
);
CREATE INDEX consents_user ON consents (user_code, given_at);

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    user_code  TEXT NOT NULL REFERENCES user_records (user_code),
    csrf_key   TEXT NOT NULL,
    created_at TEXT NOT NULL,
    seen_at    TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    address    TEXT NOT NULL,
    browser    TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_code);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Attempt budgets: how often something was tried by or against a subject within a slot of time.
CREATE TABLE attempts (
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    slot    TEXT NOT NULL,
    used    BIGINT NOT NULL,
    PRIMARY KEY (kind, subject, slot)
);
CREATE INDEX attempts_slot ON attempts (slot);

-- What goes back to the accounting system. The item id never changes.
CREATE TABLE outbox (
    item        TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    account     TEXT NOT NULL,
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL
        CHECK (state IN ('waiting', 'batched', 'exported', 'confirmed', 'rejected', 'superseded')),
    sink        TEXT,
    batch       BIGINT,
    line        BIGINT,
    created_at  TEXT NOT NULL,
    exported_at TEXT,
    answered_at TEXT,
    answer_code TEXT,
    answer_text TEXT,
    superseded_by TEXT
);
CREATE INDEX outbox_waiting ON outbox (kind, created_at) WHERE state = 'waiting';
CREATE INDEX outbox_batch ON outbox (sink, batch, line);
CREATE INDEX outbox_unanswered ON outbox (exported_at) WHERE state = 'exported';
CREATE INDEX outbox_account ON outbox (account, created_at);

-- A submitted reading. `submission` is the UUID the form carried, so that a repeat finds the first answer.
CREATE TABLE submitted_readings (
    submission   TEXT PRIMARY KEY,
    item         TEXT NOT NULL UNIQUE REFERENCES outbox (item),
    user_code    TEXT NOT NULL REFERENCES user_records (user_code),
    account      TEXT NOT NULL,
    meter        TEXT NOT NULL,
    period       BIGINT NOT NULL,
    value_micro  BIGINT NOT NULL,
    taken_on     TEXT NOT NULL,
    flags        TEXT NOT NULL,
    supersedes   TEXT,
    content_hash TEXT NOT NULL,
    submitted_at TEXT NOT NULL
);
CREATE INDEX submitted_readings_meter ON submitted_readings (account, meter, period, submitted_at);

-- Export files. A number is taken in a committed transaction before the file exists and never repeats.
-- `layout` is the export setting the file was laid out by, so that its bytes can be made again after a change of it.
CREATE TABLE batches (
    sink         TEXT NOT NULL,
    number       BIGINT NOT NULL,
    kind         TEXT NOT NULL,
    file         TEXT NOT NULL,
    row_count    BIGINT NOT NULL,
    control_sum  BIGINT NOT NULL,
    sha256       TEXT NOT NULL,
    layout       TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    delivered_at TEXT,
    PRIMARY KEY (sink, number),
    UNIQUE (sink, file)
);
CREATE INDEX batches_undelivered ON batches (sink, number) WHERE delivered_at IS NULL;

-- Acknowledgement files that were read; the same file twice changes nothing.
CREATE TABLE answers (
    sink      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    file      TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    taken_at  TEXT NOT NULL,
    PRIMARY KEY (sink, sha256)
);

-- Lines of answer files that fit no item; a person looks at them.
CREATE TABLE stray_answers (
    sink     TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    line     BIGINT NOT NULL,
    item     TEXT NOT NULL,
    status   TEXT NOT NULL,
    code     TEXT NOT NULL,
    text     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    found_at TEXT NOT NULL,
    PRIMARY KEY (sink, sha256, line)
);

-- Letters. `once` makes the same occasion write one letter; `context` is wiped when the letter is out.
CREATE TABLE letters (
    letter      TEXT PRIMARY KEY,
    once        TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    language    TEXT NOT NULL,
    context     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'uncertain')),
    attempts    BIGINT NOT NULL,
    next_try_at TEXT NOT NULL,
    lease_until TEXT,
    created_at  TEXT NOT NULL,
    sent_at     TEXT,
    last_answer TEXT
);
CREATE INDEX letters_waiting ON letters (next_try_at) WHERE state = 'waiting';
CREATE INDEX letters_sending ON letters (lease_until) WHERE state = 'sending';

-- Append only: who did what to which object.
CREATE TABLE audit (
    entry   TEXT PRIMARY KEY,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    act     TEXT NOT NULL,
    object  TEXT NOT NULL,
    address TEXT NOT NULL,
    detail  TEXT NOT NULL
);
CREATE INDEX audit_object ON audit (object, at);
CREATE INDEX audit_actor ON audit (actor, at);

-- Walks of jobs.
CREATE TABLE runs (
    run         BIGINT PRIMARY KEY,
    job         TEXT NOT NULL,
    source      TEXT NOT NULL,
    started_by  TEXT NOT NULL,
    state       TEXT NOT NULL
        CHECK (state IN ('running', 'published', 'unchanged', 'held', 'failed', 'broken')),
    started_at  TEXT NOT NULL,
    finished_at TEXT,
    error_kind  TEXT,
    error_text  TEXT
);
CREATE INDEX runs_job ON runs (job, run);

CREATE TABLE run_datasets (
    run             BIGINT NOT NULL REFERENCES runs (run),
    dataset         TEXT NOT NULL,
    mode            TEXT NOT NULL CHECK (mode IN ('full', 'increment')),
    pulled          BIGINT NOT NULL,
    rejected        BIGINT NOT NULL,
    inserted        BIGINT NOT NULL,
    updated         BIGINT NOT NULL,
    ended           BIGINT NOT NULL,
    source_totals   TEXT,
    pulled_totals   TEXT,
    findings        TEXT NOT NULL,
    pull_seconds    DOUBLE PRECISION NOT NULL,
    publish_seconds DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run, dataset)
);

-- Rows that could not be taken.
CREATE TABLE rejects (
    run        BIGINT NOT NULL REFERENCES runs (run),
    dataset    TEXT NOT NULL,
    position   BIGINT NOT NULL,
    found_in   TEXT NOT NULL,
    row_number BIGINT NOT NULL,
    row_key    TEXT NOT NULL,
    field      TEXT NOT NULL,
    value      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (run, dataset, position)
);
