CREATE TABLE notify_message (
    id BYTEA PRIMARY KEY,
    recipient_id BYTEA NOT NULL,
    person_id BYTEA,
    topic TEXT NOT NULL,
    purpose TEXT,
    target_id BYTEA,
    link_expires_at BIGINT NOT NULL,
    link_used_at BIGINT,
    on_screen BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    read_at BIGINT,
    undeliverable_at BIGINT,
    settled_at BIGINT
);
CREATE INDEX notify_message_unread ON notify_message (recipient_id, created_at) WHERE on_screen = 1 AND read_at IS NULL;
CREATE INDEX notify_message_stuck ON notify_message (undeliverable_at) WHERE undeliverable_at IS NOT NULL AND settled_at IS NULL;
CREATE INDEX notify_message_recipient ON notify_message (recipient_id, created_at);
CREATE INDEX notify_message_age ON notify_message (created_at);

CREATE TABLE notify_attempt (
    id BYTEA PRIMARY KEY,
    message_id BYTEA NOT NULL,
    way TEXT NOT NULL,
    rank BIGINT NOT NULL,
    state TEXT NOT NULL,
    urgency BIGINT NOT NULL,
    address TEXT NOT NULL,
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    leased BIGINT NOT NULL,
    queued_at BIGINT,
    first_failed_at BIGINT,
    sent_at BIGINT,
    failed_at BIGINT,
    read_at BIGINT,
    report_by BIGINT,
    error TEXT
);
CREATE INDEX notify_attempt_queue ON notify_attempt (urgency, due_at) WHERE state = 'queued';
CREATE INDEX notify_attempt_unreported ON notify_attempt (report_by) WHERE report_by IS NOT NULL;
CREATE INDEX notify_attempt_message ON notify_attempt (message_id, rank);

CREATE TABLE notify_link (
    token_hash BYTEA PRIMARY KEY,
    message_id BYTEA NOT NULL,
    attempt_id BYTEA NOT NULL
);
CREATE INDEX notify_link_message ON notify_link (message_id);
