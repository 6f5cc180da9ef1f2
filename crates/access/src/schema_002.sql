-- What a grant opens: blank for all that the policies allow on its ground, else acts between blanks.
ALTER TABLE access_grant ADD COLUMN items TEXT NOT NULL DEFAULT '';

-- In which city (five digits) a person lives, and for which city an office works.
CREATE TABLE access_city (
    subject_id BYTEA PRIMARY KEY,
    city TEXT NOT NULL
);
CREATE INDEX access_city_city ON access_city (city);
