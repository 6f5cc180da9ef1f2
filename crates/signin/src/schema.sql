CREATE TABLE signin_account (
    id BYTEA PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    office_id BYTEA,
    person_id BYTEA,
    display_name TEXT NOT NULL,
    state TEXT NOT NULL,
    password_hash TEXT,
    totp_secret BYTEA,
    totp_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE signin_enrolment (
    account_id BYTEA PRIMARY KEY,
    code_hash BYTEA NOT NULL UNIQUE,
    totp_secret BYTEA,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE signin_recovery (
    account_id BYTEA NOT NULL,
    code_hash BYTEA NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (account_id, code_hash)
);

CREATE TABLE signin_pending (
    token_hash BYTEA PRIMARY KEY,
    account_id BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX signin_pending_account ON signin_pending (account_id);

CREATE TABLE signin_session (
    id BYTEA PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    account_id BYTEA NOT NULL,
    device TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX signin_session_account ON signin_session (account_id);

CREATE TABLE signin_device (
    token_hash BYTEA PRIMARY KEY,
    account_id BYTEA NOT NULL,
    until_at BIGINT NOT NULL
);
CREATE INDEX signin_device_account ON signin_device (account_id);

CREATE TABLE signin_throttle (
    throttle_key BYTEA PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
