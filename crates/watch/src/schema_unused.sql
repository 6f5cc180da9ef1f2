-- What came in, was acknowledged and could not be used: by gateway, device (blank where it named none) and reason, with
-- the last example. It takes the place of the single example that gateways and devices had.
CREATE TABLE watch_unused (
    gateway_no BIGINT NOT NULL,
    serial TEXT NOT NULL,
    why TEXT NOT NULL,
    seen BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    example TEXT NOT NULL,
    PRIMARY KEY (gateway_no, serial, why)
);
INSERT INTO watch_unused (gateway_no, serial, why, seen, last_at, example)
SELECT no, '', bad_why, malformed, bad_at, bad_payload FROM watch_gateway WHERE bad_at IS NOT NULL;
INSERT INTO watch_unused (gateway_no, serial, why, seen, last_at, example)
SELECT gateway_no, serial, bad_why, malformed, bad_at, bad_payload FROM watch_device
WHERE bad_at IS NOT NULL AND retired_at IS NULL;
ALTER TABLE watch_gateway DROP COLUMN malformed;
ALTER TABLE watch_gateway DROP COLUMN bad_at;
ALTER TABLE watch_gateway DROP COLUMN bad_why;
ALTER TABLE watch_gateway DROP COLUMN bad_payload;
ALTER TABLE watch_device DROP COLUMN malformed;
ALTER TABLE watch_device DROP COLUMN bad_at;
ALTER TABLE watch_device DROP COLUMN bad_why;
ALTER TABLE watch_device DROP COLUMN bad_payload;
