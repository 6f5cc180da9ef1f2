-- A newer message about the same thing took its place on the screen.
ALTER TABLE notify_message ADD COLUMN superseded_at BIGINT;
DROP INDEX notify_message_unread;
DROP INDEX notify_message_recipient;
CREATE INDEX notify_message_unread ON notify_message (recipient_id, created_at)
    WHERE on_screen = 1 AND read_at IS NULL AND superseded_at IS NULL;
CREATE INDEX notify_message_recipient ON notify_message (recipient_id, created_at) WHERE superseded_at IS NULL;
CREATE INDEX notify_message_target ON notify_message (recipient_id, target_id)
    WHERE on_screen = 1 AND read_at IS NULL AND superseded_at IS NULL;
