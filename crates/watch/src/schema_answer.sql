-- What was answered to a question, or asked for by an answer: keys of Answer, people's Relation and AnswerWay, and the id of
-- the person or the contact. NULL: not answered, or before this was written down.
ALTER TABLE watch_alert ADD COLUMN answer TEXT;
ALTER TABLE watch_alert ADD COLUMN answer_from BYTEA;
ALTER TABLE watch_alert ADD COLUMN answer_relation TEXT;
ALTER TABLE watch_alert ADD COLUMN answer_way TEXT;
