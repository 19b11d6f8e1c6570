-- What somebody showed beside the sum, until the request is settled.
ALTER TABLE registrations ADD COLUMN proof_kind TEXT;
ALTER TABLE registrations ADD COLUMN proof TEXT;

-- The code of a bill registers once.
CREATE TABLE spent_codes (
    digest   TEXT PRIMARY KEY,
    account  TEXT NOT NULL,
    spent_at TEXT NOT NULL
);

-- Codes that were printed at the desk for somebody who has shown who he is. Only a hash is kept; one lives per account.
CREATE TABLE desk_codes (
    digest     TEXT PRIMARY KEY,
    account    TEXT NOT NULL,
    issued_by  TEXT NOT NULL,
    issued_at  TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    spent_at   TEXT
);
CREATE INDEX desk_codes_account ON desk_codes (account) WHERE spent_at IS NULL;
