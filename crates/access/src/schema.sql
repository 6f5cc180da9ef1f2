CREATE TABLE access_grant (
    id BYTEA PRIMARY KEY,
    person_id BYTEA NOT NULL,
    holder_id BYTEA NOT NULL,
    ground TEXT NOT NULL,
    source_id BYTEA NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL
);
CREATE INDEX access_grant_holder ON access_grant (holder_id, person_id);
CREATE INDEX access_grant_source ON access_grant (source_id);
CREATE INDEX access_grant_person ON access_grant (person_id);
