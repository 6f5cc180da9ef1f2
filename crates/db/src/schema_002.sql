-- Tables carry their crate. Nobody ever enqueued a job.
ALTER TABLE outbox RENAME TO db_outbox;
ALTER TABLE mark RENAME TO db_mark;
DROP TABLE job;
