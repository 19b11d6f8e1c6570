-- A request: what somebody asks the supplier for, in the words he was asked in. `number` is what people are told, `item`
-- goes to the accounting system. One without an account was made by somebody who has none: a secret link leads to it.
CREATE TABLE requests (
    request      TEXT PRIMARY KEY,
    number       BIGINT NOT NULL UNIQUE,
    item         TEXT NOT NULL UNIQUE REFERENCES outbox (item),
    user_code    TEXT REFERENCES user_records (user_code),
    account      TEXT NOT NULL,
    holder_key   TEXT NOT NULL,
    kind         TEXT NOT NULL,
    title        TEXT NOT NULL,
    told         TEXT NOT NULL,
    email        TEXT NOT NULL,
    secret_hash  TEXT UNIQUE,
    language     TEXT NOT NULL,
    due_on       TEXT,
    repeats      BIGINT,
    content_hash TEXT NOT NULL,
    submitted_at TEXT NOT NULL,
    withdrawn_at TEXT
);
CREATE INDEX requests_account ON requests (account, number) WHERE account <> '';
CREATE INDEX requests_due ON requests (due_on) WHERE due_on IS NOT NULL AND withdrawn_at IS NULL;

-- The files of a request. Their bytes lie in the folder of attachments, each under its hash.
CREATE TABLE request_files (
    request    TEXT NOT NULL REFERENCES requests (request),
    position   BIGINT NOT NULL,
    name       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size       BIGINT NOT NULL,
    sha256     TEXT NOT NULL,
    PRIMARY KEY (request, position)
);
CREATE INDEX request_files_content ON request_files (sha256);
