-- A dwelling. Its way in (entry_*) is read only by those who may see it.
CREATE TABLE home (
    id BYTEA PRIMARY KEY,
    postal TEXT NOT NULL,
    city_code TEXT NOT NULL,
    city TEXT NOT NULL,
    town TEXT NOT NULL,
    line TEXT NOT NULL,
    building TEXT NOT NULL,
    lat DOUBLE PRECISION,
    lon DOUBLE PRECISION,
    area TEXT NOT NULL,
    neighbourhood TEXT NOT NULL,
    dwelling TEXT NOT NULL,
    layout_note TEXT NOT NULL,
    entry TEXT NOT NULL,
    entry_note TEXT NOT NULL,
    source TEXT NOT NULL,
    entered_by BYTEA NOT NULL,
    entered_at BIGINT NOT NULL,
    confirmed_on BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX home_area ON home (area);

CREATE TABLE resident (
    id BYTEA PRIMARY KEY,
    serial BIGINT NOT NULL UNIQUE,
    number TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kana TEXT NOT NULL,
    kana_folded TEXT NOT NULL,
    birth BIGINT NOT NULL,
    sex TEXT NOT NULL,
    home_id BYTEA NOT NULL REFERENCES home (id),
    phones TEXT NOT NULL,
    fax TEXT NOT NULL,
    email TEXT NOT NULL,
    household TEXT NOT NULL,
    marks TEXT NOT NULL,
    risk_notes TEXT NOT NULL,
    life TEXT NOT NULL,
    life_since BIGINT NOT NULL,
    source TEXT NOT NULL,
    entered_by BYTEA NOT NULL,
    entered_at BIGINT NOT NULL,
    confirmed_on BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX resident_home ON resident (home_id);
CREATE INDEX resident_kana ON resident (kana_folded, birth);

-- Somebody the resident named. A contact that ended (ended_at) stays for the history.
CREATE TABLE contact (
    id BYTEA PRIMARY KEY,
    person_id BYTEA NOT NULL REFERENCES resident (id),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    kana TEXT NOT NULL,
    relation TEXT NOT NULL,
    phones TEXT NOT NULL,
    email TEXT NOT NULL,
    address TEXT NOT NULL,
    roles TEXT NOT NULL,
    lives_with BOOLEAN NOT NULL,
    reachable TEXT NOT NULL,
    minutes_away BIGINT,
    accepted_on BIGINT,
    source TEXT NOT NULL,
    entered_by BYTEA NOT NULL,
    entered_at BIGINT NOT NULL,
    confirmed_on BIGINT,
    version BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX contact_person ON contact (person_id, position);

CREATE TABLE office (
    id BYTEA PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    phone TEXT NOT NULL,
    fax TEXT NOT NULL,
    email TEXT NOT NULL,
    address TEXT NOT NULL,
    city_code TEXT NOT NULL,
    responsible TEXT NOT NULL,
    pledged_on BIGINT,
    entered_by BYTEA NOT NULL,
    entered_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX office_kind ON office (kind, city_code);

-- The 日常生活圏域 a support centre answers for.
CREATE TABLE office_area (
    area TEXT NOT NULL,
    office_id BYTEA NOT NULL REFERENCES office (id),
    PRIMARY KEY (area, office_id)
);

CREATE TABLE staff (
    id BYTEA PRIMARY KEY,
    office_id BYTEA NOT NULL REFERENCES office (id),
    name TEXT NOT NULL,
    kana TEXT NOT NULL,
    role TEXT NOT NULL,
    profession TEXT NOT NULL,
    qualification TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    state TEXT NOT NULL,
    trained_on BIGINT,
    entered_by BYTEA NOT NULL,
    entered_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX staff_office ON staff (office_id);

CREATE TABLE team_member (
    id BYTEA PRIMARY KEY,
    person_id BYTEA NOT NULL REFERENCES resident (id),
    staff_id BYTEA NOT NULL REFERENCES staff (id),
    part TEXT NOT NULL,
    since BIGINT NOT NULL,
    invited_by BYTEA NOT NULL,
    ended_at BIGINT
);
CREATE INDEX team_member_person ON team_member (person_id);
CREATE INDEX team_member_staff ON team_member (staff_id);

-- Every recording is a row of its own; the newest (serial) about a scope and subject counts. subject_id is the
-- contact of a family consent, else the person.
CREATE TABLE consent (
    id BYTEA PRIMARY KEY,
    serial BIGINT NOT NULL UNIQUE,
    person_id BYTEA NOT NULL REFERENCES resident (id),
    scope TEXT NOT NULL,
    subject_id BYTEA NOT NULL,
    state TEXT NOT NULL,
    manner TEXT NOT NULL,
    offices TEXT NOT NULL,
    obtained_by TEXT,
    explained_by TEXT NOT NULL,
    explained_on BIGINT,
    obtained_on BIGINT,
    expires_on BIGINT,
    signed_by TEXT NOT NULL,
    signer_relation TEXT NOT NULL,
    proxy_reason TEXT NOT NULL,
    legal_basis TEXT NOT NULL,
    recorded_by BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT NOT NULL,
    ended_by TEXT NOT NULL
);
CREATE INDEX consent_scope ON consent (person_id, scope, subject_id, serial);
CREATE INDEX consent_expiry ON consent (expires_on) WHERE expires_on IS NOT NULL;

CREATE TABLE medical_summary (
    person_id BYTEA PRIMARY KEY REFERENCES resident (id),
    diagnoses TEXT NOT NULL,
    allergies TEXT NOT NULL,
    care_level TEXT,
    certified_on BIGINT,
    valid_from BIGINT,
    valid_until BIGINT,
    source TEXT NOT NULL,
    entered_by BYTEA NOT NULL,
    entered_at BIGINT NOT NULL,
    confirmed_on BIGINT,
    version BIGINT NOT NULL
);

-- Every state a record ever had, the present one included: nothing confirmed is overwritten.
CREATE TABLE person_version (
    subject_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    by_id BYTEA NOT NULL,
    reason TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    PRIMARY KEY (subject_id, kind, version)
);

-- What a search may find a person by, folded: name, kana, number, address, each phone.
CREATE TABLE person_key (
    person_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (person_id, kind, folded)
);
CREATE INDEX person_key_folded ON person_key (folded);

-- Overlapping pairs of the folded keys, and each key's last character, so that one typed character finds too.
CREATE TABLE person_gram (
    gram TEXT NOT NULL,
    person_id BYTEA NOT NULL,
    PRIMARY KEY (gram, person_id)
);
CREATE INDEX person_gram_person ON person_gram (person_id);
