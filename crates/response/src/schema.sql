-- A case. `state` is the state with its data (JSON), `step` its word. due_at is the limit of the step and is never moved
-- by time; escalate_at is when the next in line is told.
CREATE TABLE response_case (
    id BYTEA PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    home_id BYTEA NOT NULL,
    person_id BYTEA NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    urgent BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    step TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    centre_id BYTEA,
    taken_at BIGINT,
    holder_id BYTEA,
    held_since BIGINT,
    due_at BIGINT,
    escalate_at BIGINT,
    told TEXT,
    wait_until BIGINT,
    reached_at BIGINT,
    closed_at BIGINT,
    closed_by BYTEA,
    cause TEXT,
    closing_text TEXT NOT NULL
);
CREATE INDEX response_case_due ON response_case (due_at);
CREATE INDEX response_case_escalate ON response_case (escalate_at);
CREATE INDEX response_case_home ON response_case (home_id, closed_at);
CREATE INDEX response_case_person ON response_case (person_id, opened_at);
CREATE INDEX response_case_opened ON response_case (opened_at);
CREATE INDEX response_case_closed ON response_case (closed_at);

-- The alerts a case answers.
CREATE TABLE response_alert (
    alert_id BYTEA PRIMARY KEY,
    case_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX response_alert_case ON response_alert (case_id);

-- The story of a case: appended, never changed.
CREATE TABLE response_step (
    case_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    by_role TEXT NOT NULL,
    what TEXT NOT NULL,
    step TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (case_id, seq)
);

CREATE TABLE response_call (
    id BYTEA PRIMARY KEY,
    case_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    incoming BOOLEAN NOT NULL,
    contact_id BYTEA,
    outcome TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX response_call_case ON response_call (case_id, at);

CREATE TABLE response_visit (
    id BYTEA PRIMARY KEY,
    case_id BYTEA NOT NULL,
    person_id BYTEA NOT NULL,
    visitor_kind TEXT NOT NULL,
    visitor_id BYTEA NOT NULL,
    state TEXT NOT NULL,
    note TEXT NOT NULL,
    asked_by BYTEA NOT NULL,
    asked_at BIGINT NOT NULL,
    answered_at BIGINT,
    departed_at BIGINT,
    arrived_at BIGINT,
    reported_at BIGINT,
    reported_by BYTEA,
    condition TEXT,
    report TEXT NOT NULL
);
CREATE INDEX response_visit_case ON response_visit (case_id, asked_at);
CREATE INDEX response_visit_visitor ON response_visit (visitor_id, asked_at);

-- What a visitor photographed, as it is kept: drawn anew, without place, time and device of the camera.
CREATE TABLE response_photo (
    id BYTEA PRIMARY KEY,
    visit_id BYTEA NOT NULL,
    case_id BYTEA NOT NULL,
    person_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    caption TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    jpeg BYTEA NOT NULL
);
CREATE INDEX response_photo_case ON response_photo (case_id, at);

-- Who was told that a limit was over.
CREATE TABLE response_told (
    case_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    rung TEXT NOT NULL,
    recipient_id BYTEA,
    PRIMARY KEY (case_id, at, rung)
);

CREATE TABLE response_consultation (
    note_id BYTEA PRIMARY KEY,
    case_id BYTEA NOT NULL,
    doctor_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    reply_by BIGINT NOT NULL,
    answered_at BIGINT
);
CREATE INDEX response_consultation_case ON response_consultation (case_id, at);

CREATE TABLE response_review (
    case_id BYTEA PRIMARY KEY,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    false_alarm TEXT,
    note TEXT NOT NULL,
    proposal TEXT NOT NULL
);

CREATE TABLE response_setting (
    version BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    body TEXT NOT NULL
);
