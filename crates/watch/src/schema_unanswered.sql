-- Alerts of the call centre's level that nobody took up in the commit that stored them, because that failed. A row goes
-- when somebody has.
CREATE TABLE watch_unanswered (
    alert_id BYTEA PRIMARY KEY,
    since BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    again_at BIGINT NOT NULL
);
CREATE INDEX watch_unanswered_again ON watch_unanswered (again_at);
