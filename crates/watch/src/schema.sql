-- A home that is or was watched; `no` is its compact number beside the id. area is copied from the register.
CREATE TABLE watch_home (
    no BIGINT PRIMARY KEY,
    home_id BYTEA NOT NULL UNIQUE,
    area TEXT NOT NULL,
    reassured_at BIGINT
);

-- ended_at NULL while it runs; at most one runs in a home.
CREATE TABLE watch_contract (
    id BYTEA PRIMARY KEY,
    home_no BIGINT NOT NULL,
    person_id BYTEA NOT NULL,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
);
CREATE UNIQUE INDEX watch_contract_running ON watch_contract (home_no) WHERE ended_at IS NULL;
CREATE INDEX watch_contract_person ON watch_contract (person_id);

-- secret is the SHA-256 of the credential; the credential itself is shown once and kept nowhere.
CREATE TABLE gateway (
    no BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    home_no BIGINT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    carrier TEXT NOT NULL,
    secret BYTEA NOT NULL,
    registered_at BIGINT NOT NULL,
    rotated_at BIGINT,
    revoked_at BIGINT,
    heard_at BIGINT,
    radio_down_at BIGINT,
    malformed BIGINT NOT NULL,
    bad_at BIGINT,
    bad_why TEXT,
    bad_payload TEXT
);
CREATE UNIQUE INDEX gateway_secret ON gateway (secret);
CREATE UNIQUE INDEX gateway_in_use ON gateway (home_no) WHERE revoked_at IS NULL;

CREATE TABLE device (
    no BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    gateway_no BIGINT NOT NULL,
    home_no BIGINT NOT NULL,
    serial TEXT NOT NULL,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    assigned_at BIGINT NOT NULL,
    retired_at BIGINT,
    test_from BIGINT NOT NULL,
    test_until BIGINT NOT NULL,
    heard_at BIGINT,
    sign_at BIGINT,
    battery BIGINT,
    link_quality BIGINT,
    online BOOLEAN NOT NULL,
    duplicates BIGINT NOT NULL,
    late BIGINT NOT NULL,
    reordered BIGINT NOT NULL,
    repeated BIGINT NOT NULL,
    retained BIGINT NOT NULL,
    wrong_clock BIGINT NOT NULL,
    malformed BIGINT NOT NULL,
    bad_at BIGINT,
    bad_why TEXT,
    bad_payload TEXT
);
CREATE UNIQUE INDEX device_serial ON device (gateway_no, serial) WHERE retired_at IS NULL;
CREATE INDEX device_home ON device (home_no);

-- Serials nobody assigned yet.
CREATE TABLE unknown_device (
    gateway_no BIGINT NOT NULL,
    serial TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    said TEXT NOT NULL,
    PRIMARY KEY (gateway_no, serial)
);

-- Every reading, append-only. The index is led by time, so that inserts stay at its end; it also finds duplicates.
CREATE TABLE reading (
    seq BIGINT PRIMARY KEY,
    device_no BIGINT NOT NULL,
    code BIGINT NOT NULL,
    value DOUBLE PRECISION,
    occurred_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX reading_once ON reading (occurred_at, device_no, code);

-- The detector of one home, and the last reading it stands for.
CREATE TABLE watch_state (
    home_no BIGINT PRIMARY KEY,
    body BYTEA NOT NULL,
    upto_seq BIGINT NOT NULL,
    saved_at BIGINT NOT NULL
);

-- One home and day in quarter hours: activity by device, climate. What the home's page draws.
CREATE TABLE home_day (
    home_no BIGINT NOT NULL,
    day BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (home_no, day)
);

-- Daily values, derived from home_day when the day is over. Seconds from midnight; temperatures in degrees Celsius.
CREATE TABLE home_daily (
    home_no BIGINT NOT NULL,
    day BIGINT NOT NULL,
    signs BIGINT NOT NULL,
    entrance BIGINT NOT NULL,
    fridge BIGINT NOT NULL,
    bathroom BIGINT NOT NULL,
    toilet BIGINT NOT NULL,
    medicine BIGINT NOT NULL,
    motion BIGINT NOT NULL,
    first_sign BIGINT,
    last_sign BIGINT,
    longest_silence BIGINT NOT NULL,
    night_signs BIGINT NOT NULL,
    temperature_min DOUBLE PRECISION,
    temperature_mean DOUBLE PRECISION,
    temperature_max DOUBLE PRECISION,
    humidity_mean DOUBLE PRECISION,
    wbgt_max DOUBLE PRECISION,
    missing_share DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (home_no, day)
);

-- due_at: the moment the rule named; raised_at: when it was said. sign_at: the first sign of life after that.
CREATE TABLE alert (
    id BYTEA PRIMARY KEY,
    home_no BIGINT NOT NULL,
    home_id BYTEA NOT NULL,
    person_id BYTEA NOT NULL,
    level TEXT NOT NULL,
    rule TEXT NOT NULL,
    device_no BIGINT,
    due_at BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    sign_at BIGINT,
    ended_at BIGINT,
    cause TEXT
);
CREATE INDEX alert_home ON alert (home_no, raised_at);
CREATE INDEX alert_standing ON alert (raised_at) WHERE state = 'standing';

-- A gateway that fell silent: a fault of the line, never of the person. home_no is where the gateway stands.
CREATE TABLE line_fault (
    id BYTEA PRIMARY KEY,
    home_no BIGINT NOT NULL,
    gateway_no BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    ended_at BIGINT,
    outage_id BYTEA
);
CREATE INDEX line_fault_gateway ON line_fault (gateway_no, began_at);
CREATE INDEX line_fault_open ON line_fault (noticed_at) WHERE ended_at IS NULL;

-- Several homes of one area or carrier that fell silent together.
CREATE TABLE line_outage (
    id BYTEA PRIMARY KEY,
    shared TEXT NOT NULL,
    name TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    noticed_at BIGINT NOT NULL,
    ended_at BIGINT
);

-- from_at..until_at; weekdays is a bit set (Monday = 1) and, where not 0, from_minute..until_minute of each such day.
CREATE TABLE absence (
    id BYTEA PRIMARY KEY,
    home_no BIGINT NOT NULL,
    person_id BYTEA NOT NULL,
    reason TEXT NOT NULL,
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    weekdays BIGINT NOT NULL,
    from_minute BIGINT NOT NULL,
    until_minute BIGINT NOT NULL,
    entered_by BYTEA NOT NULL,
    entered_role TEXT NOT NULL,
    entered_at BIGINT NOT NULL,
    cancelled_at BIGINT,
    activity_at BIGINT,
    activity_count BIGINT NOT NULL
);
CREATE INDEX absence_home ON absence (home_no, until_at);

-- home_no 0 is the region. JSON of what differs from the built-in settings.
CREATE TABLE watch_setting (
    home_no BIGINT PRIMARY KEY,
    body TEXT NOT NULL
);
