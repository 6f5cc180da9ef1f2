-- What the region's homes together measured of false alarms of the learned rhythm in [from_at, until_at), and the factor
-- on the days of the budget that is in force from until_at on. expected: false alarms as the limit in force meant them.
-- append-only: watch_adaptation
CREATE TABLE watch_adaptation (
    until_at BIGINT PRIMARY KEY,
    from_at BIGINT NOT NULL,
    home_days DOUBLE PRECISION NOT NULL,
    expected DOUBLE PRECISION NOT NULL,
    false_alarms BIGINT NOT NULL,
    percent BIGINT NOT NULL
);
