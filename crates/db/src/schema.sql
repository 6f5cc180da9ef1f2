CREATE TABLE outbox (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE job (
    id BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    leased_until BIGINT,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    parked BOOLEAN NOT NULL
);
CREATE INDEX job_due ON job (run_at);

CREATE TABLE mark (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
