-- What became of a request, for whoever asked; forgotten after a month.
CREATE TABLE signin_request_ended (
    id BYTEA PRIMARY KEY,
    account_id BYTEA NOT NULL,
    act TEXT NOT NULL,
    login TEXT NOT NULL,
    display_name TEXT NOT NULL,
    asked_by BYTEA NOT NULL,
    change TEXT NOT NULL,
    ended_at BIGINT NOT NULL
);
CREATE INDEX signin_request_ended_asker ON signin_request_ended (asked_by, ended_at);
