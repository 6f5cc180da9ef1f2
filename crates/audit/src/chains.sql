-- Several chains in one database: each row has its place in the database and its number in its chain. What is there is
-- the first chain, and its rows keep their hashes.
ALTER TABLE audit_row RENAME COLUMN seq TO place;
ALTER TABLE audit_row ADD COLUMN chain_id BIGINT NOT NULL DEFAULT 1;
ALTER TABLE audit_row ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
UPDATE audit_row SET seq = place;
CREATE UNIQUE INDEX audit_row_chain ON audit_row (chain_id, seq);
CREATE INDEX audit_row_epoch ON audit_row (chain_id, seq) WHERE action = 'audit.epoch';
ALTER TABLE audit_person RENAME COLUMN seq TO place;

-- Which chain this database writes to: the newest row says it; without one it is the first chain.
CREATE TABLE audit_own (
    n BIGINT PRIMARY KEY,
    chain_id BIGINT NOT NULL
);
