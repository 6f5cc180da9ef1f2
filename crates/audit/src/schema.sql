CREATE TABLE audit_row (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    role TEXT NOT NULL,
    actor_id BYTEA NOT NULL,
    office_id BYTEA,
    device TEXT NOT NULL,
    request_id BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    action TEXT NOT NULL,
    persons TEXT NOT NULL,
    items TEXT NOT NULL,
    ground TEXT NOT NULL,
    outcome TEXT NOT NULL,
    hash BYTEA NOT NULL
);

CREATE TABLE audit_person (
    person_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (person_id, seq)
);
