-- What a grant opens: blank for all that the policies allow on its ground, else acts between blanks.
ALTER TABLE access_grant ADD COLUMN items TEXT NOT NULL DEFAULT '';

-- In which city (five digits) a person lives.
CREATE TABLE access_person_city (
    person_id BYTEA PRIMARY KEY,
    city TEXT NOT NULL
);
CREATE INDEX access_person_city_city ON access_person_city (city);

-- For which city an office works.
CREATE TABLE access_office_city (
    office_id BYTEA PRIMARY KEY,
    city TEXT NOT NULL,
    -- Whether it is the one that alerts and overdue cases go to.
    answers BOOLEAN NOT NULL
);
CREATE INDEX access_office_city_city ON access_office_city (city);
