ALTER TABLE signin_session ADD COLUMN second_at BIGINT;

CREATE TABLE signin_request (
    id BYTEA PRIMARY KEY,
    account_id BYTEA NOT NULL UNIQUE,
    act TEXT NOT NULL,
    login TEXT NOT NULL,
    role TEXT NOT NULL,
    office_id BYTEA,
    display_name TEXT NOT NULL,
    state TEXT,
    asked_by BYTEA NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
