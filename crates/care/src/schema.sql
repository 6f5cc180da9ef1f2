-- A note's head. What it says stands in its versions, of which none is ever changed.
CREATE TABLE note (
    id BYTEA PRIMARY KEY,
    person_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    visibility TEXT NOT NULL,
    case_id BYTEA,
    author_id BYTEA NOT NULL,
    author_role TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX note_person ON note (person_id, written_at);
CREATE INDEX note_case ON note (case_id);
CREATE INDEX note_written ON note (written_at);

CREATE TABLE note_version (
    note_id BYTEA NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    state TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    importance TEXT NOT NULL,
    reply_by BIGINT,
    reason TEXT NOT NULL,
    PRIMARY KEY (note_id, version)
);
CREATE INDEX note_version_reply_by ON note_version (reply_by);

-- `target` is a staff id (hex), a profession's word, or empty for the whole team.
CREATE TABLE note_addressee (
    note_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (note_id, kind, target)
);
CREATE INDEX note_addressee_target ON note_addressee (target, kind);

CREATE TABLE note_reply (
    id BYTEA PRIMARY KEY,
    note_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    by_role TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX note_reply_note ON note_reply (note_id, at);

-- The first time somebody read a note; a correction does not make it unread, the version read is kept.
CREATE TABLE note_read (
    note_id BYTEA NOT NULL,
    reader_id BYTEA NOT NULL,
    reader_role TEXT NOT NULL,
    at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (note_id, reader_id)
);

CREATE TABLE note_reaction (
    note_id BYTEA NOT NULL,
    by_id BYTEA NOT NULL,
    by_role TEXT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (note_id, by_id, kind)
);
